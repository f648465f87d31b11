import { expect } from '@playwright/test';

import type { ReplicaTable } from '../../src/client/generated';
import { dataset, suspended } from '../fake/data';
import * as jobs from '../fake/jobs';
import type { Panel } from '../panel';
import { choose, type IState, search, withJobs } from './state';

/** Choose from a row to the last, most of which are not here yet. */
async function chooseToEnd(panel: Panel): Promise<void> {
  await choose(1)(panel);
  await panel.page.keyboard.press('Shift+End');
}

/** The Explore tab: searches, what is chosen, its details. */
export const EXPLORE: IState[] = [
  {
    name: 'scopes to choose from',
    go: async panel => {
      await panel.tab('Explore').click();
      await panel.root.getByLabel('Scope', { exact: true }).fill('');
      await panel.root.getByLabel('Scope', { exact: true }).click();
      await expect(panel.root.getByRole('option')).toHaveCount(3);
    },
    text: 'yours',
    action: 'Search'
  },
  {
    name: 'results',
    go: search,
    text: '1,204 results',
    action: /^Stage data25/
  },
  {
    name: 'search without a scope',
    go: async panel => {
      await panel.tab('Explore').click();
      await panel.search('', '*PHYSLITE*');
    },
    text: 'Choose a scope first',
    action: 'Search'
  },
  {
    name: 'looking',
    fake: fake => {
      fake.rows = [];
      fake.arriving = true;
    },
    go: search,
    text: 'Asking Rucio…',
    action: 'Search'
  },
  {
    name: 'results that are arriving',
    fake: fake => {
      fake.arriving = true;
    },
    go: search,
    text: '1,204 results so far',
    action: /^Stage data25/
  },
  {
    name: 'nothing found',
    fake: fake => {
      fake.rows = [];
    },
    go: search,
    text: 'Nothing found',
    action: 'Search again'
  },
  {
    name: 'search cut',
    fake: fake => {
      fake.cut = 'Rucio stopped answering half-way.';
    },
    go: search,
    text: 'Rucio stopped answering half-way',
    action: 'Search again'
  },
  {
    name: 'results that have expired',
    fake: fake =>
      fake.problems.set(/^listings\/./, {
        status: 404,
        type: 'not-found',
        detail: 'This list has expired; search again.',
        do: 'refresh'
      }),
    go: async panel => {
      await search(panel);
      await panel.root.getByRole('tree').press('End');
    },
    text: 'This list has expired',
    action: 'Search again'
  },
  {
    name: 'search refused',
    fake: fake =>
      fake.problems.set(/listings$/, {
        type: 'rucio-unreachable',
        detail: 'Rucio does not answer at rucio.example.org.',
        do: 'retry',
        exception: 'ConnectionException'
      }),
    go: search,
    text: 'Rucio does not answer at',
    action: 'Try again'
  },
  {
    name: 'content of a dataset',
    go: async panel => {
      await choose(1)(panel);
      await panel.root.getByRole('tree').press('ArrowRight');
      await panel.rows.nth(3).click();
    },
    text: 'DAOD_PHYSLITE.42158210',
    action: 'Stage'
  },
  {
    name: 'several chosen',
    go: async panel => {
      await choose(1)(panel);
      await panel.rows.nth(3).click({ modifiers: ['Shift'] });
    },
    text: '3 chosen',
    action: 'Stage the rest'
  },
  {
    name: 'a range that is loading',
    fake: fake => {
      fake.problems.set(/listings\/\w+$/, 'silent');
    },
    go: chooseToEnd,
    text: 'Loading what is chosen…',
    action: 'Search'
  },
  {
    name: 'a range that is too long',
    fake: fake => {
      fake.rows = Array.from({ length: 6000 }, (_, run) => dataset(run));
    },
    go: chooseToEnd,
    text: 'no more than 5,000 can be chosen at once',
    action: 'Stage'
  },
  { name: 'details', go: choose(1), text: '212 GB free', action: 'Stage' },
  {
    name: 'an RSE that is suspended',
    fake: fake => {
      fake.replicas = suspended;
    },
    go: choose(1),
    text: 'suspended',
    action: 'Stage'
  },
  {
    name: 'content in the details',
    go: async panel => {
      await choose(1)(panel);
      await panel.tab('Files').click();
    },
    text: '1.1 MB',
    action: 'Stage'
  },
  {
    name: 'on its way already',
    fake: withJobs(jobs.begun),
    go: async panel => {
      await panel.tab('Explore').click();
      await panel.search('data25_13p6TeV', '*PHYSLITE*');
      await panel.rows.nth(7).click();
      await panel.tab('Replicas').click();
    },
    text: '62 %',
    action: 'Show in Jobs'
  },
  {
    name: 'by keyboard',
    go: async panel => {
      await choose(1)(panel);
      await panel.root.getByRole('tree').press('Enter');
      await expect(panel.button('Stage')).toBeFocused();
    },
    text: '212 GB free',
    action: 'Only a part…'
  },
  {
    name: 'a part of it',
    go: async panel => {
      await choose(7)(panel);
      await panel.button('Only a part…').click();
      await panel.root.getByLabel('First').fill('5');
      await panel.root.getByRole('radio').nth(2).check();
    },
    text: 'CERNBOX',
    action: 'Stage this part from CERNBOX'
  },
  {
    name: 'details that are on their way',
    fake: fake => fake.problems.set(/replicas$/, 'silent'),
    go: choose(9),
    text: 'Asking Rucio…',
    action: 'Stage'
  },
  {
    name: 'details that cannot be had',
    fake: fake =>
      fake.problems.set(/replicas$/, {
        type: 'rucio-unreachable',
        detail: 'Rucio does not answer at rucio.example.org.',
        do: 'retry'
      }),
    go: choose(9),
    text: 'Rucio does not answer at',
    action: 'Try again'
  },
  {
    name: 'details that cannot be drawn',
    fake: fake => {
      fake.replicas = () => ({}) as ReplicaTable;
    },
    go: choose(9),
    text: 'This cannot be shown',
    action: 'Try again'
  },
  {
    name: 'staging refused',
    fake: fake =>
      fake.problems.set(/jobs$/, {
        type: 'no-room',
        detail:
          'The store has room for 31 MB, and this needs 20.1 MB more than that.',
        do: 'retry'
      }),
    go: async panel => {
      await choose(9)(panel);
      await panel.button('Stage').click();
    },
    text: 'The store has room for 31 MB',
    action: 'Try again'
  },
  {
    name: 'staged',
    go: choose(0),
    text: 'all here already',
    action: /^Insert into/
  },
  {
    name: 'on tape',
    go: choose(2),
    text: 'Only on tape',
    action: 'Show the rules'
  },
  {
    name: 'partly here',
    go: choose(3),
    text: '3,120 here already',
    action: 'Stage the rest'
  },
  {
    name: 'open dataset',
    go: choose(4),
    text: 'Still growing',
    action: 'Refresh'
  },
  {
    name: 'root only',
    go: choose(5),
    text: 'only by xrootd',
    action: 'Show the replicas'
  },
  {
    name: 'no replica',
    go: choose(6),
    text: 'No replica is available',
    action: 'Show the rules'
  },
  {
    name: 'metadata',
    go: async panel => {
      await choose(1)(panel);
      await panel.tab('Metadata').click();
    },
    text: 'run_number',
    action: 'Copy the DID'
  },
  {
    name: 'rules',
    go: async panel => {
      await choose(1)(panel);
      await panel.tab('Rules').click();
    },
    text: 'tier=1&type=DATADISK',
    action: 'Copy the DID'
  },
  {
    name: 'adding a filter',
    go: async panel => {
      await search(panel);
      await panel.root.getByRole('button', { name: 'Filter' }).click();
      await panel.root.getByLabel('Key').fill('run_number');
      await panel.root.getByLabel('Comparison').selectOption('>');
      await panel.root.getByLabel('Value', { exact: true }).fill('358000');
      await panel.button('Add').click();
      await panel.root.getByRole('button', { name: 'Filter' }).first().click();
    },
    text: 'run_number > 358000',
    action: 'Add'
  }
];
