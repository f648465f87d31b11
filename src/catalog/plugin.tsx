import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import {
  CommandIDs,
  IAccounts,
  ICatalog,
  ICells,
  IJobs,
  IPanel,
  IServer
} from '../tokens';
import { didText } from './did';
import { Explore } from './explore';
import { Catalog, type Search } from './model';
import { PasteForm } from './pasteform';

export const catalog: JupyterFrontEndPlugin<ICatalog> = {
  id: 'rucio-jupyterlab:catalog',
  description: 'Adds the Explore tab: search, content, details, and staging.',
  autoStart: true,
  provides: ICatalog,
  requires: [IServer, IAccounts, IJobs, IPanel],
  optional: [ICells, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    accounts: IAccounts,
    jobs: IJobs,
    panel: IPanel,
    cells: ICells | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): ICatalog => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const catalog = new Catalog(server.client, accounts);
    catalog.changed.connect(panel.update, panel);
    jobs.changed.connect(panel.update, panel);
    jobs.finished.connect(() => catalog.summaries?.renew());
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

    const EMPTY = { type: 'object', properties: {} } as const;
    commands.addCommand(CommandIDs.search, {
      label: trans.__('Search Rucio'),
      caption: trans.__('Search for DIDs in the current instance'),
      icon: searchIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            scope: { type: 'string' },
            name: { type: 'string', description: '`*` stands for any text.' },
            type: { type: 'string' }
          }
        }
      },
      execute: args => {
        panel.showTab('explore');
        if (args.scope || args.name) {
          catalog.ask(args as Partial<Search>);
        }
      }
    });
    commands.addCommand(CommandIDs.pasteDids, {
      label: trans.__('Paste a List of DIDs…'),
      caption: trans.__('Show the DIDs of a list'),
      describedBy: { args: EMPTY },
      isEnabled: () => catalog.instance !== null,
      execute: () =>
        panel.showForm(close => (
          <PasteForm
            trans={trans}
            onCancel={close}
            onShow={dids => {
              catalog.paste(dids);
              close();
              panel.showTab('explore');
            }}
          />
        ))
    });
    commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Search Again'),
      caption: trans.__('Ask Rucio the last question again'),
      describedBy: { args: EMPTY },
      isEnabled: () => catalog.root !== null,
      execute: () => catalog.refresh()
    });
    commands.addCommand(CommandIDs.stage, {
      label: trans.__('Stage'),
      caption: trans.__('Bring the chosen DIDs to this server'),
      describedBy: { args: EMPTY },
      isEnabled: () => catalog.selected.length > 0,
      execute: () =>
        catalog.instance &&
        jobs.start({
          instance: catalog.instance,
          dids: catalog.selected.map(row => row.did)
        })
    });
    commands.addCommand(CommandIDs.copyDid, {
      label: trans.__('Copy the DID'),
      caption: trans.__('Copy the chosen DIDs, one a line'),
      describedBy: {
        args: { type: 'object', properties: { did: { type: 'string' } } }
      },
      isEnabled: args => Boolean(args.did) || catalog.selected.length > 0,
      execute: args =>
        Clipboard.copyToSystem(
          args.did
            ? String(args.did)
            : catalog.selected.map(row => didText(row.did)).join('\n')
        )
    });
    for (const command of [
      CommandIDs.search,
      CommandIDs.pasteDids,
      CommandIDs.refresh,
      CommandIDs.stage,
      CommandIDs.copyDid
    ]) {
      palette?.addItem({ command, category: trans.__('Rucio') });
    }
    return catalog;
  }
};
