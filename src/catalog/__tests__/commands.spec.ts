import { Notification } from '@jupyterlab/apputils';
import { dangerDialog, waitForDialog } from '@jupyterlab/testing';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import type { IClient } from '../../client/client';
import { didText } from '../../client/did';
import { Failure } from '../../client/failure';
import type { Did, DidRow } from '../../client/generated';
import { CommandIDs, type IJobs, type IPanel } from '../../tokens';
import { addCatalogCommands } from '../commands';
import type { Catalog } from '../model';
import { rowOf } from './fakecatalog';

const trans = nullTranslator.load('');
const PINNED = 'A pin holds files of this DID.';
const SILENCE = 'The Jupyter server does not answer.';

/** The commands where these are chosen, and what came of them. */
function setUp(selected: DidRow[], pinned: string[] = []) {
  const pasted: string[][] = [];
  const done: string[] = [];
  const catalog = {
    chosen: selected,
    instance: 'atlas',
    renew: () => done.push('renewed'),
    paste: (dids: Did[]) => pasted.push(dids.map(didText))
  };
  const client = {
    evict: async (_: string, { name }: Did) => {
      if (name === 'silence') {
        throw new Failure({ type: 'offline', detail: SILENCE, do: 'retry' });
      }
      if (pinned.includes(name)) {
        throw new Failure({ type: 'conflict', detail: PINNED, do: 'none' });
      }
      done.push(name);
      return { files: 1, bytes: 1_000_000 };
    }
  };
  const jobs = { refreshStore: async () => done.push('store') };
  const panel = { showTab: () => undefined };
  const commands = new CommandRegistry();
  addCatalogCommands(commands, {
    catalog: catalog as unknown as Catalog,
    client: client as unknown as IClient,
    jobs: jobs as unknown as IJobs,
    panel: panel as unknown as IPanel,
    trans
  });
  return { commands, done, pasted };
}

const messages = () =>
  Notification.manager.notifications
    .map(({ message }) => message.replaceAll('\u00a0', ' '))
    .sort();

beforeEach(() => Notification.manager.dismiss());
afterEach(() => Notification.manager.dismiss());

it('what cannot be removed keeps nothing else, and is told', async () => {
  const rows = ['a', 'b', 'c', 'd'].map(name => rowOf(name));
  const { commands, done } = setUp(rows, ['b', 'c']);
  const removed = commands.execute(CommandIDs.evict);
  await dangerDialog();
  await expect(removed).rejects.toThrow(PINNED);
  expect(done).toEqual(['a', 'd', 'renewed', 'store']);
  expect(messages()).toEqual([
    '2 MB came free.',
    `2 of 4 were not removed. b: ${PINNED}`
  ]);
});

it('a server that does not answer is not asked for each of the others', async () => {
  const rows = ['a', 'silence', 'c'].map(name => rowOf(name));
  const { commands, done } = setUp(rows);
  const removed = commands.execute(CommandIDs.evict);
  await dangerDialog();
  await expect(removed).rejects.toThrow('not removed');
  expect(done).toEqual(['a', 'renewed', 'store']);
});

it('where one alone is refused, just that is told', async () => {
  const { commands } = setUp([rowOf('a')], ['a']);
  const removed = commands.execute(CommandIDs.evict);
  await dangerDialog();
  await expect(removed).rejects.toThrow(PINNED);
  expect(messages()).toEqual([PINNED]);
});

it('a few of many are named before they are removed', async () => {
  const rows = Array.from({ length: 5000 }, (_, at) => rowOf(`run${at}`));
  const { commands } = setUp(rows);
  const removed = commands.execute(CommandIDs.evict);
  await waitForDialog();
  expect(document.body.textContent).toContain('run9 and 4,990 more');
  await dangerDialog();
  await removed;
});

it('a comma divides the DIDs of a text, and belongs to a name in a list', async () => {
  const { commands, pasted } = setUp([]);
  await commands.execute(CommandIDs.pasteDids, { dids: 'a:b,a:c' });
  await commands.execute(CommandIDs.pasteDids, { dids: ['a:b,c'] });
  expect(pasted).toEqual([['a:b', 'a:c'], ['a:b,c']]);
});
