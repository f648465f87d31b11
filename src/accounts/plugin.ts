import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { remember } from '../client/remember';
import { IAccounts, IPanel, IServer } from '../tokens';
import { addAccountCommands } from './commands';
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

export const accountCommands: JupyterFrontEndPlugin<void> = {
  id: 'rucio-jupyterlab:account-commands',
  description: 'Adds commands to sign in and out, and about instances.',
  autoStart: true,
  requires: [IAccounts, IPanel],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    accounts: IAccounts,
    panel: IPanel,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const options = { accounts, panel, trans };
    for (const command of addAccountCommands(app.commands, options)) {
      palette?.addItem({ command, category: trans.__('Rucio') });
    }
  }
};
