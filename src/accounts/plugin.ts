import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';

import { IAccounts, IServer } from '../tokens';
import { Accounts } from './model';

const CHOSEN = 'rucio-jupyterlab:instance';

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
      void remember(accounts, state);
    }
    return accounts;
  }
};

/** Choose the instance of last time, and note each choice from then on. */
async function remember(accounts: Accounts, state: IStateDB): Promise<void> {
  const chosen = await state.fetch(CHOSEN);
  if (typeof chosen === 'string') {
    accounts.select(chosen);
  }
  let noted = chosen;
  accounts.changed.connect(() => {
    const name = accounts.current?.name;
    if (name && name !== noted) {
      noted = name;
      void state.save(CHOSEN, name);
    }
  });
}
