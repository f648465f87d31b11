import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import {
  ITranslator,
  nullTranslator,
  type TranslationBundle
} from '@jupyterlab/translation';
import { DisposableSet } from '@lumino/disposable';

import { parseDid } from '../client/did';
import type { Did } from '../client/generated';
import { addCommands } from '../components/commands';
import { CommandIDs, IAccounts, ICells, IServer } from '../tokens';
import { Cells } from './cells';
import type { ICellTemplate } from './templates';

export const notebook: JupyterFrontEndPlugin<ICells> = {
  id: 'rucio-jupyterlab:notebook',
  description: 'Puts DIDs into notebooks as cells, by command and by drag.',
  autoStart: true,
  provides: ICells,
  requires: [IServer, IAccounts],
  optional: [INotebookTracker, ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    accounts: IAccounts,
    tracker: INotebookTracker | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ): ICells => {
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const { client, engine } = server;
    const cells = new Cells({
      client,
      engine,
      accounts,
      tracker,
      trans,
      activate: ({ id }) => app.shell.activateById(id)
    });
    offerSiteTemplates(cells, server, trans);
    if (registry) {
      void offerUserTemplates(cells, registry);
    }
    addCommands(app.commands, {
      [CommandIDs.insertCell]: {
        label: args =>
          args.template
            ? String(args.template)
            : trans.__('Insert into the Notebook'),
        caption: trans.__('Insert a cell that reads the files'),
        describedBy: {
          args: {
            type: 'object',
            properties: {
              dids: { type: 'array', items: { type: 'string' } },
              instance: { type: 'string' },
              template: { type: 'string', description: 'Name of a template.' }
            },
            required: ['dids']
          }
        },
        execute: async args => {
          const instance = args.instance ?? accounts.usable;
          const dids = ((args.dids ?? []) as string[]).flatMap(
            text => parseDid(text) ?? []
          ) as Did[];
          if (instance && dids.length) {
            const template = args.template as string | undefined;
            await cells.insert(String(instance), dids, template);
          }
        }
      }
    });
    return cells;
  }
};

/** The site's templates, once the server has told them. */
function offerSiteTemplates(
  cells: ICells,
  server: IServer,
  trans: TranslationBundle
): void {
  const offer = () => {
    const { environment } = server.engine;
    if (environment) {
      server.engine.changed.disconnect(offer);
      const templates = Object.entries(environment.cell_templates);
      for (const [suffix, source] of templates) {
        const name = trans.__('%1 as this site reads it', suffix);
        cells.add({ name, suffixes: [suffix], source }, 'site');
      }
    }
  };
  server.engine.changed.connect(offer);
  offer();
}

/** The user's templates, as the settings have them now. */
async function offerUserTemplates(
  cells: ICells,
  registry: ISettingRegistry
): Promise<void> {
  const settings = await registry.load(notebook.id);
  let offered = new DisposableSet();
  const offer = () => {
    offered.dispose();
    const templates = settings.get('templates')
      .composite as unknown as ICellTemplate[];
    offered = DisposableSet.from(templates.map(one => cells.add(one, 'user')));
  };
  settings.changed.connect(offer);
  offer();
}
