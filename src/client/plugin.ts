import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IServer } from '../tokens';
import { Engine } from './engine';
import { Events } from './events';
import { RestClient } from './rest';
import { Transport } from './transport';

export const server: JupyterFrontEndPlugin<IServer> = {
  id: 'rucio-jupyterlab:server',
  description: 'Asks the Rucio server extension, and hears its events.',
  autoStart: true,
  provides: IServer,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): IServer => {
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const { serverSettings } = app.serviceManager;
    const transport = new Transport(trans, serverSettings);
    const client = new RestClient(transport);
    const events = new Events(app.serviceManager);
    const engine = new Engine(client, events);
    transport.unanswered.connect(engine.look, engine);
    return { client, events, engine };
  }
};
