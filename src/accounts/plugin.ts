import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';

import { remember } from '../client/remember';
import { IAccounts, IServer } from '../tokens';
import { Accounts } from './model';

export const accounts: JupyterFrontEndPlugin<IAccounts> = {
  id: 'rucio-jupyterlab:accounts',
  description: 'Provides the Rucio instances, and who the user is at each.',
  autoStart: true,
  provides: IAccounts,
  requires: [IServer],
  optional: [IStateDB],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    state: IStateDB | null
  ): IAccounts => {
    const accounts = new Accounts(server);
    server.engine.recovered.connect(accounts.refresh, accounts);
    if (state) {
      void remember<string>(state, {
        key: 'rucio-jupyterlab:instance',
        changed: accounts.changed,
        restore: name => name && accounts.select(name),
        current: () => accounts.current?.name ?? null
      });
    }
    return accounts;
  }
};
