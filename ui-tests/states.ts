import { expect } from '@playwright/test';

import * as data from './fake/data';
import type { FakeServer } from './fake/server';
import type { Panel } from './panel';

/** What brings the panel into a state, and what is then seen with the one action it offers. */
export interface IState {
  name: string;
  fake?: (fake: FakeServer) => void;
  go?: (panel: Panel) => Promise<void>;
  text: string | RegExp;
  action: string | RegExp;
}

const account = data.instance.account;
const withAccount = (change: object) => (fake: FakeServer) => {
  fake.instances = {
    ...data.instances,
    instances: [
      { ...data.instance, account: { ...account, ...change } as typeof account }
    ]
  };
};
const withDemo = (demo: FakeServer['demo']) => (fake: FakeServer) => {
  noInstance(fake);
  fake.demo = demo;
};
const withJobs = (jobs: FakeServer['jobs']) => (fake: FakeServer) => {
  fake.jobs = jobs;
};
const noInstance = (fake: FakeServer) => {
  fake.instances = { ...data.instances, instances: [] };
};
const search = async (panel: Panel) => {
  await panel.tab('Explore').click();
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
};
const choose = (row: number) => async (panel: Panel) => {
  await search(panel);
  await panel.rows.nth(row).click();
};
const showJobs = (panel: Panel) => panel.tab(/Jobs/).click();

export const STATES: IState[] = [
  { name: 'nothing asked', text: 'Find data', action: 'Paste a list' },
  {
    name: 'no instance',
    fake: noInstance,
    text: 'No Rucio instance yet',
    action: 'Add an instance'
  },
  {
    name: 'demo',
    fake: noInstance,
    go: panel => panel.button('Or try the demo').click(),
    text: 'A real Rucio with storages and data',
    action: 'Start the demo'
  },
  {
    name: 'demo starting',
    fake: withDemo(data.demoStarting),
    go: panel => panel.button('Start the demo').click(),
    text: 'One file of 1 GiB',
    action: 'Stop'
  },
  {
    name: 'demo failed',
    fake: withDemo(data.demoFailed),
    text: 'address is in use',
    action: 'Try again'
  },
  {
    name: 'demo not installed',
    fake: withDemo(data.demoMissing),
    go: panel => panel.button('Try again').click(),
    text: 'pip install',
    action: 'Look again'
  },
  {
    name: 'configuration that cannot be read',
    fake: fake => {
      fake.instances = {
        instances: [],
        default: null,
        problem:
          'c.RucioConfig.instances[0]: the key “rucio_base_url” is missing.'
      };
    },
    go: panel => panel.button('Close').click(),
    text: 'rucio_base_url',
    action: 'Add an instance'
  },
  {
    name: 'instance that is configured wrongly',
    fake: fake => {
      const problem = 'The key “rucio_base_url” must be an https address.';
      fake.instances = {
        ...data.instances,
        instances: [{ ...data.instance, problem }]
      };
    },
    text: 'rucio_base_url',
    action: 'Try again'
  },
  {
    name: 'signed out',
    fake: withAccount({ state: 'signed-out', account: null }),
    text: 'Sign in to ATLAS',
    action: 'Sign in'
  },
  {
    name: 'choosing an account',
    fake: fake => {
      withAccount({ state: 'signed-out', account: null })(fake);
      fake.problems.set(/signin$/, {
        status: 400,
        type: 'bad-request',
        detail: 'Choose one of your accounts: alice, higgs.',
        do: 'choose',
        choices: ['alice', 'higgs']
      });
    },
    go: async panel => {
      await panel.root.getByLabel('Password', { exact: true }).fill('secret');
      await panel.button('Sign in').click();
    },
    text: 'Choose one of your accounts',
    action: 'Sign in'
  },
  {
    name: 'about to lapse',
    fake: fake =>
      withAccount({ state: 'lapsing', expires_at: Date.now() / 1000 + 539 })(
        fake
      ),
    text: 'Your sign-in lapses in 9 min',
    action: 'Sign in'
  },
  {
    name: 'lapsed',
    fake: withAccount({ state: 'lapsed' }),
    text: 'Your sign-in has lapsed',
    action: 'Sign in'
  },
  {
    name: 'engine down',
    fake: fake =>
      fake.problems.set(/^engine/, {
        status: 503,
        type: 'engine-down',
        detail: 'It died three times in a minute.',
        do: 'retry'
      }),
    text: 'The Rucio engine has stopped',
    action: 'Start it again'
  },
  {
    name: 'offline',
    fake: fake => fake.problems.set(/./, 'offline'),
    text: 'The Jupyter server does not answer',
    action: 'Try again'
  },
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
  { name: 'details', go: choose(1), text: '212 GB free', action: 'Stage' },
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
  },
  {
    name: 'no jobs',
    go: showJobs,
    text: 'Nothing staged yet',
    action: 'Find data'
  },
  {
    name: 'jobs',
    fake: withJobs(data.jobs),
    go: showJobs,
    text: 'Waiting for you to confirm',
    action: 'Stage all of it'
  },
  {
    name: 'a job that waits for a cloud',
    fake: withJobs([data.waitingForCloud]),
    go: showJobs,
    text: 'The CS3 gateway of CERNBOX refuses your sign-in.',
    action: 'Try now'
  },
  {
    name: 'jobs that wait',
    fake: withJobs(data.waiting),
    go: showJobs,
    text: 'Waiting for space',
    action: 'Sign in'
  },
  {
    name: 'jobs that ended',
    fake: withJobs(data.over),
    go: showJobs,
    text: 'are unverified',
    action: 'Look again'
  },
  {
    name: 'files of a job',
    fake: withJobs(data.over),
    go: async panel => {
      await showJobs(panel);
      await panel
        .button(/^Files of/)
        .first()
        .click();
    },
    text: 'The checksum differs.',
    action: /^Copy the path/
  },
  {
    name: 'pasting a list',
    go: async panel => {
      await panel.button('More').click();
      await panel.page.getByRole('menuitem', { name: /Paste a List/ }).click();
      await panel.root.getByRole('textbox').fill('a:b\nc:d\nnonsense');
    },
    text: '1 line is no DID',
    action: 'Show 2 DIDs'
  },
  {
    name: 'a list that was pasted',
    go: async panel => {
      await panel.button(/^Show 2 DIDs/).click();
    },
    text: 'not in Rucio',
    action: /^Stage a:b/
  },
  {
    name: 'adding an instance',
    fake: noInstance,
    go: async panel => {
      await panel.button('Add an instance').click();
      await panel.root.getByText('Rarely needed').click();
    },
    text: 'Certificate authorities',
    action: 'Add'
  }
];

/** The themes that JupyterLab brings along. */
export const THEMES = [
  'JupyterLab Light',
  'JupyterLab Dark',
  'JupyterLab Dark High Contrast'
];

/** Bring the panel into a state, and see that it says what it should. */
export async function enter(
  state: IState,
  panel: Panel,
  fake: FakeServer
): Promise<void> {
  fake.reset();
  state.fake?.(fake);
  await readAgain(panel);
  await state.go?.(panel);
  await expect(panel.root).toContainText(state.text);
  await expect(panel.button(state.action).first()).toBeVisible();
}

/** Have the panel ask its server again, as when a tab of the browser is seen again. */
async function readAgain(panel: Panel): Promise<void> {
  await panel.page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange'))
  );
}
