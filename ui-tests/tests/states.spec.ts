import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@jupyterlab/galata';

import * as data from '../fake/data';
import { FakeServer } from '../fake/server';
import { openPanel, type Panel } from '../panel';

/** What brings the panel into a state, and what is then seen with the one action it offers. */
interface IState {
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
const search = async (panel: Panel) => {
  await panel.tab('Explore').click();
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
};
const choose = (row: number) => async (panel: Panel) => {
  await search(panel);
  await panel.rows.nth(row).click();
};
const showJobs = (panel: Panel) => panel.tab(/Jobs/).click();

const STATES: IState[] = [
  { name: 'nothing asked', text: 'Find data', action: 'Paste a list' },
  {
    name: 'no instance',
    fake: fake => {
      fake.instances = { ...data.instances, instances: [] };
    },
    text: 'No Rucio instance yet',
    action: 'Add an instance'
  },
  {
    name: 'configuration that cannot be read',
    fake: fake => {
      fake.instances = {
        instances: [],
        default: null,
        problem:
          'c.RucioConfig.instances[0]: the key “rucio_base_url” is missing.',
        demo_available: false
      };
    },
    text: 'rucio_base_url',
    action: 'Add an instance'
  },
  {
    name: 'signed out',
    fake: withAccount({ state: 'signed-out', account: null }),
    text: 'Sign in to ATLAS',
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
    name: 'results',
    go: search,
    text: '1,204 results',
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
  { name: 'details', go: choose(1), text: '212 GB free', action: 'Stage' },
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
    name: 'no jobs',
    go: showJobs,
    text: 'Nothing staged yet',
    action: 'Find data'
  },
  {
    name: 'jobs',
    fake: fake => {
      fake.jobs = data.jobs;
    },
    go: showJobs,
    text: 'Waiting for you to confirm',
    action: 'Stage all of it'
  },
  {
    name: 'jobs in trouble',
    fake: fake => {
      fake.jobs = data.jobs.slice(5);
    },
    go: showJobs,
    text: 'are unverified',
    action: 'Look again'
  },
  {
    name: 'files of a job',
    fake: fake => {
      fake.jobs = data.jobs.slice(8);
    },
    go: async panel => {
      await showJobs(panel);
      await panel
        .button(/^Files of/)
        .first()
        .click();
    },
    text: 'The checksum differs at CERN-PROD.',
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
    name: 'adding an instance',
    fake: fake => {
      fake.instances = { ...data.instances, instances: [] };
    },
    go: async panel => {
      await panel.button('Cancel').click();
      await panel.button('Add an instance').click();
    },
    text: 'Certificate authorities',
    action: 'Add'
  }
];

const THEMES = [
  'JupyterLab Light',
  'JupyterLab Dark',
  'JupyterLab Dark High Contrast'
];

test.use({ autoGoto: false, viewport: { width: 1000, height: 800 } });

for (const theme of THEMES) {
  test(`each state says what is the matter and what to do, in ${theme}`, async ({
    page
  }, info) => {
    test.setTimeout(150_000);
    const fake = new FakeServer();
    await fake.serve(page);
    await page.goto();
    await page.theme.setTheme(theme);
    const panel = await openPanel(page);
    await panel.resize(330);
    for (const state of STATES) {
      await test.step(state.name, async () => {
        fake.reset();
        state.fake?.(fake);
        await readAgain(panel);
        await state.go?.(panel);
        await expect(panel.root).toContainText(state.text);
        await expect(panel.button(state.action).first()).toBeVisible();
        const name = `${state.name} ${theme}`.replace(/\W+/g, '-');
        await page.screenshot({ path: info.outputPath(`${name}.png`) });
        expect.soft(await violations(panel), state.name).toEqual([]);
      });
    }
  });
}

/** Have the panel ask its server again, as when a tab of the browser is seen again. */
async function readAgain(panel: Panel): Promise<void> {
  await panel.page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange'))
  );
}

async function violations(panel: Panel): Promise<string[]> {
  const report = await new AxeBuilder({ page: panel.page })
    .include('#rucio-panel')
    .withTags(['wcag2a', 'wcag2aa', 'wcag21aa'])
    .analyze();
  return report.violations.map(
    violation => `${violation.id}: ${violation.nodes[0].html}`
  );
}
