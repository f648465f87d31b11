import { PromiseDelegate } from '@lumino/coreutils';

import { settled } from '../../catalog/__tests__/fakecatalog';
import type { AccountChoices, InstanceInfo } from '../../client/generated';
import { FakeEvents } from '../../jobs/__tests__/fakejobs';
import { Accounts } from '../model';
import { FakeAccounts, named } from './fakeaccounts';

async function setUp() {
  const client = new FakeAccounts();
  const events = new FakeEvents();
  const accounts = new Accounts({ client, events });
  await settled();
  return { client, events, accounts };
}

it('begins with the default instance', async () => {
  const { accounts } = await setUp();
  expect(accounts.current?.name).toBe('escape');
});

it('keeps to the instance that was selected', async () => {
  const { accounts } = await setUp();
  accounts.select('atlas');
  await accounts.refresh();
  expect(accounts.usable).toBe('atlas');
});

it('goes back to the default when the selected one was removed', async () => {
  const { accounts } = await setUp();
  accounts.select('atlas');
  await accounts.remove('atlas');
  expect(accounts.current?.name).toBe('escape');
});

it('selects an instance that was added', async () => {
  const { accounts } = await setUp();
  await accounts.add({ url: 'https://cms.example.org' });
  expect(accounts.current?.name).toBe('cms');
  expect(accounts.usable).toBeNull();
});

it('a lapse keeps what is shown, signing out does not', async () => {
  const { accounts, events } = await setUp();
  events.instances.emit({
    seq: 1,
    instances: [named('escape', 'lapsed')],
    gone: []
  });
  expect(accounts.usable).toBe('escape');
  await accounts.signOut('escape');
  expect(accounts.usable).toBeNull();
});

it('a sign-in that is answered while an older answer is on its way outlives that', async () => {
  const { accounts, client } = await setUp();
  const older = await client.instances();
  const answer = new PromiseDelegate<typeof older>();
  client.instances = () => answer.promise;
  const reading = accounts.refresh();
  await accounts.signIn('escape', { auth_type: 'userpass' });
  answer.resolve({ ...older, instances: [named('escape', 'signed-out')] });
  await reading;
  expect(accounts.usable).toBe('escape');
});

it('an event that overtakes the answer to a sign-in is newer', async () => {
  const { accounts, client, events } = await setUp();
  const answer = new PromiseDelegate<InstanceInfo>();
  client.signIn = () => answer.promise;
  const signedIn = accounts.signIn('escape', { auth_type: 'userpass' });
  events.instances.emit({ seq: 1, instances: [], gone: ['escape'] });
  answer.resolve(named('escape'));
  await signedIn;
  expect(accounts.current?.name).toBe('atlas');
});

it('forgets an instance that is gone', async () => {
  const { accounts, events } = await setUp();
  events.instances.emit({ seq: 1, instances: [], gone: ['escape'] });
  expect(accounts.current?.name).toBe('atlas');
});

it('tells why instances cannot be read', async () => {
  const { accounts, client } = await setUp();
  client.instances = () => Promise.reject(new Error('gone'));
  await accounts.refresh();
  expect(accounts.obstacle?.detail).toBe('gone');
  expect(accounts.known).not.toBeNull();
});

it('an event before the first answer makes no list of its own', async () => {
  const client = new FakeAccounts();
  const events = new FakeEvents();
  const accounts = new Accounts({ client, events });
  events.instances.emit({
    seq: 1,
    instances: [named('escape', 'lapsed')],
    gone: []
  });
  expect(accounts.known).toBeNull();
  await settled();
  expect(accounts.known?.instances.map(({ name }) => name)).toEqual([
    'atlas',
    'escape'
  ]);
  expect(accounts.current?.account.state).toBe('lapsed');
});

describe('the accounts to choose from', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('are none where Rucio cannot tell', async () => {
    const { accounts, client } = await setUp();
    expect(await accounts.choices()).toEqual(['alice', 'bob']);
    client.accounts = () => Promise.reject(new Error('gone'));
    expect(await accounts.choices()).toEqual([]);
  });

  it('are those that are known where Rucio is slow', async () => {
    const { accounts, client } = await setUp();
    const answer = new PromiseDelegate<AccountChoices>();
    client.accounts = () => answer.promise;
    const choose = async () => {
      const chosen = accounts.choices();
      await jest.advanceTimersByTimeAsync(1000);
      return chosen;
    };
    expect(await choose()).toEqual([]);
    answer.resolve({ accounts: ['alice', 'bob'], current: 'alice' });
    await settled();
    client.accounts = () => new Promise(() => undefined);
    expect(await choose()).toEqual(['alice', 'bob']);
    await accounts.signIn('escape', { auth_type: 'userpass' });
    expect(await choose()).toEqual([]);
  });
});
