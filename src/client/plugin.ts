import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IServer } from '../tokens';
import { RestClient } from './client';
import { Engine } from './engine';
import { Events } from './events';

export const server: JupyterFrontEndPlugin<IServer> = {
  id: 'rucio-jupyterlab:server',
  description: 'Asks the Rucio server extension, and hears its events.',
  autoStart: true,
  provides: IServer,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): IServer => {
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const client = new RestClient(trans, app.serviceManager.serverSettings);
    const events = new Events(app.serviceManager);
    const engine = new Engine(client, events);
    client.unanswered.connect(engine.look, engine);
    return { client, events, engine };
  }
};
