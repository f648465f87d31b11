import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';

import type { DemoStatus } from '../client/generated';
import { addCommands } from '../components/commands';
import { CommandIDs, IAccounts, IPanel, IServer } from '../tokens';
import { DemoForm } from './demoform';
import { Demo } from './model';

export const demo: JupyterFrontEndPlugin<void> = {
  id: 'rucio-jupyterlab:demo',
  description: 'Starts the demo beside this server, and shows its Rucio.',
  autoStart: true,
  requires: [IServer, IAccounts, IPanel],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    accounts: IAccounts,
    panel: IPanel,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const demo = new Demo(server.client);
    let close = () => false;
    const names = addCommands(commands, {
      [CommandIDs.tryDemo]: {
        label: trans.__('Try the Demo…'),
        caption: trans.__('Start a real Rucio with data on this server'),
        execute: () =>
          panel.showForm(closeForm => {
            close = closeForm;
            return <DemoForm demo={demo} trans={trans} onClose={closeForm} />;
          })
      }
    });
    demo.started.connect(async (_: Demo, status: DemoStatus) => {
      await accounts.refresh();
      if (!close()) {
        return; // the user does something else by now
      }
      if (status.instance) {
        accounts.select(status.instance);
      }
      if (commands.hasCommand(CommandIDs.search)) {
        await commands.execute(CommandIDs.search, {
          scope: status.scope,
          focus: false // it took a while, and the user may be writing elsewhere
        });
      }
    });
    for (const command of names) {
      palette?.addItem({ command, category: trans.__('Rucio') });
    }
  }
};
