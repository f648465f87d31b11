import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { remember } from '../client/remember';
import { addCommands } from '../components/commands';
import { rucioIcon } from '../components/icons';
import { writeAs } from '../components/quantity';
import { CommandIDs, IAccounts, IPanel, IServer } from '../tokens';
import { RucioPanel } from './panel';

export const panel: JupyterFrontEndPlugin<IPanel> = {
  id: 'rucio-jupyterlab:panel',
  description: 'Adds the Rucio panel to the side bar.',
  autoStart: true,
  provides: IPanel,
  requires: [IServer, IAccounts],
  optional: [
    ILabShell,
    ILayoutRestorer,
    IStateDB,
    ICommandPalette,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    accounts: IAccounts,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): IPanel => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    writeAs((translator ?? nullTranslator).languageCode);
    const panel = new RucioPanel({
      accounts,
      engine: server.engine,
      commands,
      trans,
      activate: () => app.shell.activateById(panel.id),
      contextMenu: app.contextMenu.menu
    });
    app.shell.add(panel, 'left', { rank: 550, type: 'Rucio' });
    restorer?.add(panel, panel.id);
    if (state) {
      void remember<string>(state, {
        key: 'rucio-jupyterlab:tab',
        changed: panel.tabChanged,
        restore: tab => tab && panel.restoreTab(tab),
        current: () => panel.currentTab
      });
    }

    addCommands(commands, {
      [CommandIDs.showPanel]: {
        label: trans.__('Show the Rucio Panel'),
        caption: trans.__('Find data in Rucio and stage it'),
        icon: rucioIcon,
        execute: () => panel.showTab()
      },
      [CommandIDs.openSettings]: {
        label: trans.__('Settings…'),
        caption: trans.__('Open the settings of the Rucio panel'),
        isVisible: () => shell !== null,
        execute: () =>
          commands.execute('settingeditor:open', { query: 'Rucio' })
      }
    });

    palette?.addItem({
      command: CommandIDs.showPanel,
      category: trans.__('Rucio')
    });
    return panel;
  }
};
