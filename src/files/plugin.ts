import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { folderIcon } from '@jupyterlab/ui-components';

import { Failure } from '../client/failure';
import { addCommands } from '../components/commands';
import { CommandIDs, IServer } from '../tokens';

export const files: JupyterFrontEndPlugin<void> = {
  id: 'rucio-jupyterlab:files',
  description: 'Shows staged files in the file browser.',
  autoStart: true,
  requires: [IServer],
  optional: [IDefaultFileBrowser, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    browser: IDefaultFileBrowser | null,
    translator: ITranslator | null
  ): void => {
    if (!browser) {
      return; // pages of Notebook that show one document have none
    }
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    addCommands(app.commands, {
      [CommandIDs.reveal]: {
        label: trans.__('Show in the File Browser'),
        caption: trans.__('Show a staged file or folder in the file browser'),
        icon: folderIcon,
        describedBy: {
          args: {
            type: 'object',
            properties: {
              path: { type: 'string', description: 'An absolute path.' }
            },
            required: ['path']
          }
        },
        execute: async args => {
          const absolute = String(args.path);
          const { path } = await server.client.serverPath(absolute);
          if (path === null) {
            Clipboard.copyToSystem(absolute);
            Notification.info(
              trans.__(
                'It lies outside what the file browser shows; its path was copied.'
              ),
              { autoClose: 5000 }
            );
            return;
          }
          const model = await app.serviceManager.contents
            .get(path, { content: false })
            .catch(() => {
              throw new Failure({
                type: 'not-found',
                detail: trans.__('%1 is not there any more.', absolute),
                do: 'none'
              });
            });
          const folder =
            model.type === 'directory' ? path : PathExt.dirname(path);
          await browser.model.cd(`/${folder}`);
          if (model.type !== 'directory') {
            await browser.selectItemByName(PathExt.basename(path));
          }
          app.shell.activateById(browser.id);
        }
      }
    });
  }
};
