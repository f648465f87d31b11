import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addAccountCommands } from '../accounts/commands';
import { rucioIcon } from '../components/icons';
import { CommandIDs, IAccounts, IPanel, IServer } from '../tokens';
import { RucioPanel } from './panel';

export const panel: JupyterFrontEndPlugin<IPanel> = {
  id: 'rucio-jupyterlab:panel',
  description: 'Adds the Rucio panel to the side bar.',
  autoStart: true,
  provides: IPanel,
  requires: [IServer, IAccounts],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    accounts: IAccounts,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): IPanel => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const panel = new RucioPanel({
      accounts,
      engine: server.engine,
      commands,
      trans,
      activate: () => app.shell.activateById(panel.id)
    });
    app.shell.add(panel, 'left', { rank: 550, type: 'Rucio' });
    restorer?.add(panel, panel.id);

    addAccountCommands(commands, { accounts, panel, trans });
    commands.addCommand(CommandIDs.showPanel, {
      label: trans.__('Show the Rucio Panel'),
      caption: trans.__('Find data in Rucio and stage it'),
      icon: rucioIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => panel.showTab()
    });
    commands.addCommand(CommandIDs.openSettings, {
      label: trans.__('Settings…'),
      caption: trans.__('Open the settings of the Rucio panel'),
      describedBy: { args: { type: 'object', properties: {} } },
      isVisible: () => shell !== null,
      execute: () => commands.execute('settingeditor:open', { query: 'Rucio' })
    });

    const category = trans.__('Rucio');
    for (const command of [
      CommandIDs.showPanel,
      CommandIDs.signIn,
      CommandIDs.signOut,
      CommandIDs.addInstance,
      CommandIDs.removeInstance
    ]) {
      palette?.addItem({ command, category });
    }
    return panel;
  }
};
