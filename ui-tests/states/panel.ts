import * as data from '../fake/data';
import type { FakeServer } from '../fake/server';
import type { IState } from './state';

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
export const noInstance = (fake: FakeServer) => {
  fake.instances = { ...data.instances, instances: [] };
};

/** The panel as a whole: instances, sign-in, what stands in the way of all. */
export const PANEL: IState[] = [
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
  }
];
