import {
  Clipboard,
  Dialog,
  Notification,
  showDialog
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  copyIcon,
  deleteIcon,
  downloadIcon,
  notebookIcon,
  searchIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { ICatalogClient, IJobsClient } from '../client/client';
import { didText, parseDid, parseDids } from '../client/did';
import { Failure, type Obstacle, obstacleOf } from '../client/failure';
import type { Did, DidRow, Freed, SearchQuery } from '../client/generated';
import { addCommands } from '../components/commands';
import { count, size } from '../components/quantity';
import { CommandIDs, type IJobs, type IPanel } from '../tokens';
import type { Catalog } from './model';
import { PasteForm } from './pasteform';

export interface ICatalogCommandsOptions {
  catalog: Catalog;
  client: ICatalogClient & IJobsClient;
  jobs: IJobs;
  panel: IPanel;
  trans: TranslationBundle;
}

const SEARCH = {
  type: 'object',
  properties: {
    scope: { type: 'string' },
    name: { type: 'string', description: '`*` stands for any text.' },
    type: { type: 'string' },
    focus: {
      type: 'boolean',
      description: 'Whether the focus goes to the search; yes, if absent.'
    }
  }
} as const;
const DIDS = {
  type: 'object',
  properties: {
    dids: {
      type: ['string', 'array'],
      items: { type: 'string' },
      description:
        'DIDs as a list, or as a text with one a line; absent: they are asked for.'
    }
  }
} as const;
const DID = {
  type: 'object',
  properties: { did: { type: 'string' } }
} as const;

/** Commands about DIDs, mostly those that are chosen. Answers their names, for the palette. */
export function addCatalogCommands(
  commands: CommandRegistry,
  options: ICatalogCommandsOptions
): string[] {
  const { catalog, jobs, panel, trans } = options;
  const chosen = () => catalog.chosen;
  const isChosen = () => chosen().length > 0;
  const plan = () => catalog.plan(chosen());

  return addCommands(commands, {
    [CommandIDs.search]: {
      label: trans.__('Search Rucio'),
      caption: trans.__('Search for DIDs in the current instance'),
      icon: searchIcon,
      describedBy: { args: SEARCH },
      execute: ({ focus, ...query }) => {
        panel.showTab('explore', focus !== false);
        if (query.scope || query.name) {
          catalog.ask(query as Partial<SearchQuery>);
        }
      }
    },
    [CommandIDs.pasteDids]: {
      label: trans.__('Paste a List of DIDs…'),
      caption: trans.__('Show the DIDs of a list'),
      describedBy: { args: DIDS },
      isEnabled: () => catalog.instance !== null,
      execute: args => {
        if (args.dids) {
          catalog.paste(didsOf(args.dids as string | string[]));
          panel.showTab('explore');
          return;
        }
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
        ));
      }
    },
    [CommandIDs.refresh]: {
      label: trans.__('Search Again'),
      caption: trans.__('Ask Rucio the last question again'),
      isEnabled: () => catalog.root !== null,
      execute: () => catalog.refresh()
    },
    [CommandIDs.stage]: {
      label: trans.__('Stage'),
      caption: trans.__('Bring the chosen DIDs to this server'),
      icon: downloadIcon,
      isEnabled: () => !plan().barred,
      execute: async () => {
        if (catalog.instance) {
          const dids = chosen().map(row => row.did);
          const rse = catalog.rseOf(catalog.selected);
          await jobs.start({ instance: catalog.instance, dids, rse });
        }
      }
    },
    [CommandIDs.copyDid]: {
      label: trans.__('Copy the DID'),
      caption: trans.__('Copy the chosen DIDs, one a line'),
      icon: copyIcon,
      describedBy: { args: DID },
      isEnabled: args => Boolean(args.did) || catalog.selected.length > 0,
      execute: args =>
        Clipboard.copyToSystem(
          args.did
            ? String(args.did)
            : catalog.selected.map(row => didText(row.did)).join('\n')
        )
    },
    [CommandIDs.insertChosen]: {
      label: trans.__('Insert into the Notebook'),
      caption: trans.__('Insert a cell that reads the chosen DIDs'),
      icon: notebookIcon,
      isEnabled: () => plan().readable,
      isVisible: () => commands.hasCommand(CommandIDs.insertCell),
      execute: () =>
        commands.execute(CommandIDs.insertCell, {
          instance: catalog.instance,
          dids: chosen().map(row => didText(row.did))
        })
    },
    [CommandIDs.evict]: {
      label: trans.__('Remove from This Server…'),
      caption: trans.__('Remove the staged files of the chosen DIDs'),
      icon: deleteIcon,
      isEnabled: isChosen,
      execute: () => evict(chosen(), options)
    }
  });
}

/** DIDs of a text, or of a list, whose names may hold what tells them apart in a text. */
function didsOf(given: string | readonly string[]): Did[] {
  return typeof given === 'string'
    ? parseDids(given).dids
    : given.flatMap(text => parseDid(text) ?? []);
}

/** DIDs that are named before they are removed; the others are counted. */
const NAMED = 10;

/** Remove staged files, once the user has agreed; what is refused for a DID is told when the others are done. */
async function evict(
  rows: readonly DidRow[],
  options: ICatalogCommandsOptions
): Promise<void> {
  const { catalog, client, jobs, trans } = options;
  const { instance } = catalog;
  const { button } = await showDialog({
    title: trans.__('Remove the staged files?'),
    body: trans.__(
      'They stay in Rucio, and can be staged again. %1',
      namesOf(rows, trans)
    ),
    buttons: [
      Dialog.cancelButton(),
      Dialog.warnButton({ label: trans.__('Remove') })
    ]
  });
  if (!button.accept || !instance) {
    return;
  }
  const { freed, removed, refusal } = await removeEach(client, instance, rows);
  catalog.renew();
  await jobs.refreshStore();
  if (freed.files > 0 || !refusal) {
    Notification.info(
      freed.files > 0
        ? trans.__('%1 came free.', size(freed.bytes))
        : trans.__(
            'Nothing was removed: no files of its own are staged. Those of a larger collection go with that.'
          ),
      { autoClose: 5000 }
    );
  }
  if (refusal) {
    const { did, obstacle } = refusal;
    const detail = trans.__(
      '%1 of %2 were not removed. %3: %4',
      count(rows.length - removed),
      count(rows.length),
      did.name,
      obstacle.detail
    );
    throw new Failure(rows.length > 1 ? { ...obstacle, detail } : obstacle);
  }
}

/** What came of removing DIDs: how many went, what came free, and the first that was refused. */
interface IRemoval {
  removed: number;
  freed: Freed;
  refusal: { did: Did; obstacle: Obstacle } | null;
}

async function removeEach(
  client: IJobsClient,
  instance: string,
  rows: readonly DidRow[]
): Promise<IRemoval> {
  const freed: Freed = { files: 0, bytes: 0 };
  const removal: IRemoval = { removed: 0, freed, refusal: null };
  for (const { did } of rows) {
    try {
      const { files, bytes } = await client.evict(instance, did);
      freed.files += files;
      freed.bytes += bytes;
      removal.removed += 1;
    } catch (reason) {
      const obstacle = obstacleOf(reason);
      removal.refusal ??= { did, obstacle };
      if (obstacle.type === 'offline') {
        break; // each of the others would wait as long
      }
    }
  }
  return removal;
}

/** The names of DIDs, as far as a dialog has room for them. */
function namesOf(rows: readonly DidRow[], trans: TranslationBundle): string {
  const names = rows.slice(0, NAMED).map(row => row.did.name);
  const more = rows.length - names.length;
  return more > 0
    ? trans.__('%1 and %2 more', names.join(', '), count(more))
    : names.join(', ');
}
