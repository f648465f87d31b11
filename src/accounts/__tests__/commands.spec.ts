import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { settled } from '../../catalog/__tests__/fakecatalog';
import { Failure } from '../../client/failure';
import type { Reachability } from '../../client/generated';
import { FakeEvents } from '../../jobs/__tests__/fakejobs';
import { CommandIDs, type IPanel } from '../../tokens';
import { addAccountCommands } from '../commands';
import { Accounts } from '../model';
import { FakeAccounts } from './fakeaccounts';

async function examine(answer: Promise<Reachability>) {
  const commands = new CommandRegistry();
  const client = Object.assign(new FakeAccounts(), { examine: () => answer });
  const accounts = new Accounts({ client, events: new FakeEvents() });
  await settled();
  const trans = nullTranslator.load('');
  addAccountCommands(commands, { accounts, panel: {} as IPanel, trans });
  await commands.execute(CommandIDs.examine);
  await answer.catch(() => undefined);
  return Notification.manager.notifications[0];
}

afterEach(() => Notification.dismiss());

it('how an instance answers is shown for a while', async () => {
  const reach = { version: '41.5.1', seconds: 0.1, clock_skew: null };
  const { message, options } = await examine(
    Promise.resolve(reach as Reachability)
  );
  expect(message).toContain('It is Rucio 41.5.1.');
  expect(options.autoClose).toBeGreaterThan(0);
});

it('that it does not answer is shown until the user has seen it', async () => {
  const detail = 'rucio.example.org cannot be reached.';
  const { message, options } = await examine(
    Promise.reject(new Failure({ type: 'refused', detail, do: 'retry' }))
  );
  expect(message).toBe(detail);
  expect(options.autoClose).toBe(false);
});
