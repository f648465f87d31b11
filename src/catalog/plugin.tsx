import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';

import { remember } from '../client/remember';
import { IAccounts, ICatalog, ICells, IJobs, IPanel, IServer } from '../tokens';
import { addCatalogCommands } from './commands';
import { Explore } from './explore';
import { Catalog, type IMemory } from './model';

export const catalog: JupyterFrontEndPlugin<ICatalog> = {
  id: 'rucio-jupyterlab:catalog',
  description: 'Adds the Explore tab: search, content, details, and staging.',
  autoStart: true,
  provides: ICatalog,
  requires: [IServer, IAccounts, IJobs, IPanel],
  optional: [ICells, IStateDB, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    accounts: IAccounts,
    jobs: IJobs,
    panel: IPanel,
    cells: ICells | null,
    state: IStateDB | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): ICatalog => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const catalog = new Catalog(server.client, accounts);
    catalog.changed.connect(panel.update, panel);
    server.engine.recovered.connect(catalog.retry, catalog);
    jobs.changed.connect(panel.update, panel);
    jobs.finished.connect(() => {
      catalog.renew();
      catalog.details?.renewReplicas();
    });
    if (state) {
      void remember<IMemory>(state, {
        key: 'rucio-jupyterlab:explore',
        changed: catalog.changed,
        restore: memory => memory && catalog.restore(memory),
        current: () => catalog.memory
      });
    }
    panel.addTab({
      id: 'explore',
      label: trans.__('Explore'),
      rank: 10,
      render: () => (
        <Explore
          catalog={catalog}
          jobs={jobs}
          commands={commands}
          trans={trans}
          cells={cells}
        />
      )
    });

    const { client } = server;
    const options = { catalog, client, jobs, panel, trans };
    for (const command of addCatalogCommands(commands, options)) {
      palette?.addItem({ command, category: trans.__('Rucio') });
    }
    return catalog;
  }
};
