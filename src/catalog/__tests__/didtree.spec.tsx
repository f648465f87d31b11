import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { measureNothing } from '../../components/__tests__/measuring';
import { DidTree } from '../didtree';
import { Listing } from '../listing';
import type { Choice } from '../selection';
import { Summaries } from '../summaries';
import { Branch, type IPlace } from '../tree';
import { FakeCatalog, rowOf, settled } from './fakecatalog';

const client = new FakeCatalog();
client.rows = { '*': [rowOf('a'), rowOf('b')], a: [rowOf('a1', 'file')] };

/** Show a tree with the keyboard on its first row; the answer has what was chosen by key. */
function show(root: Branch, index = 0) {
  const chosen: IPlace[] = [];
  const choices: Choice[] = [];
  const dragged = jest.fn();
  const active = { branch: root, index };
  const nothing = () => {};
  const summaries = new Summaries(client, 'atlas');
  const tree = () => (
    <DidTree
      root={root}
      summaries={summaries}
      active={active}
      start={0}
      isSelected={() => false}
      jobOf={() => null}
      trans={nullTranslator.load('')}
      onChoose={(place, choice) => {
        chosen.push(place);
        choices.push(choice);
      }}
      onToggle={nothing}
      onStage={nothing}
      onClear={nothing}
      onTop={nothing}
      onEnter={nothing}
      onDragStart={dragged}
    />
  );
  const { rerender } = render(tree());
  root.listing.changed.connect(() => rerender(tree()));
  const goRight = () =>
    fireEvent.keyDown(screen.getByRole('tree'), { key: 'ArrowRight' });
  return { chosen, choices, dragged, goRight };
}

async function grow(): Promise<Branch> {
  const all = new Listing(client, 'atlas', { kind: 'dids', dids: [] });
  await settled();
  return new Branch(all);
}

beforeAll(measureNothing);
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('from an open row the keyboard goes to what it holds, and waits until that has come', async () => {
  const root = await grow();
  const { did } = rowOf('a');
  root.open(0, new Listing(client, 'atlas', { kind: 'content', did }));
  const { chosen, goRight } = show(root);
  goRight();
  expect(chosen).toEqual([]);
  await settled();
  goRight();
  expect(chosen.map(({ branch }) => branch.parent?.branch)).toEqual([root]);
});

it('a menu is for its row alone, whichever key opens it', async () => {
  const { choices } = show(await grow());
  const [row] = screen.getAllByRole('treeitem');
  fireEvent.click(row, { ctrlKey: true });
  fireEvent.contextMenu(row, { ctrlKey: true });
  expect(choices).toEqual(['toggle', 'only']);
});

it('a pointer that is taken away drags nothing', async () => {
  const { dragged } = show(await grow());
  const [row] = screen.getAllByRole('treeitem');
  // jsdom knows no events of pointers.
  const point = (type: string, clientX = 0) =>
    fireEvent(row, new MouseEvent(type, { bubbles: true, clientX }));
  point('pointerdown');
  point('pointercancel');
  point('pointermove', 50);
  expect(dragged).not.toHaveBeenCalled();
  point('pointerdown');
  point('pointermove', 50);
  expect(dragged).toHaveBeenCalledTimes(1);
});

it('rows that come late into a list at rest get their summaries', async () => {
  const long = new FakeCatalog();
  long.rows['*'] = Array.from({ length: 1000 }, (_, at) => rowOf(`d${at}`));
  const listing = new Listing(long, 'atlas', { kind: 'dids', dids: [] });
  await settled();
  const read = long.readListing.bind(long);
  jest.spyOn(long, 'readListing').mockImplementation(async (...page) => {
    await new Promise(resolve => window.setTimeout(resolve, 1000));
    return read(...page);
  });
  show(new Branch(listing));
  fireEvent.scroll(screen.getByRole('tree'), { target: { scrollTop: 20_000 } });
  await act(() => jest.advanceTimersByTimeAsync(2000));
  await act(() => jest.advanceTimersByTimeAsync(200));
  screen.getByRole('treeitem', { name: /^user.alice:d416,/ });
  expect(client.summarized.flat()).toContainEqual(rowOf('d416').did);
});

it('a line that is still to come is named while the keyboard is on it', async () => {
  const root = await grow();
  jest.spyOn(root.listing, 'row').mockReturnValue(undefined);
  show(root, 1);
  const active = screen.getByRole('tree').getAttribute('aria-activedescendant');
  expect(document.getElementById(active ?? '')?.textContent).toBe('Loading…');
});

it.each([
  ['of the list says so, below a strip that tells why', 0, 'Not loaded'],
  ['of what a row holds tells why', 1, 'No answer.']
])('a line that cannot be had %s', async (_, depth, text) => {
  const { listing } = await grow();
  jest.spyOn(listing, 'row').mockReturnValue(undefined);
  jest
    .spyOn(listing, 'lapse', 'get')
    .mockReturnValue({ type: 'offline', detail: 'No answer.', do: 'retry' });
  const branch = new Branch(listing);
  jest.spyOn(branch, 'depth', 'get').mockReturnValue(depth);
  show(branch);
  expect(screen.getAllByText(text)).toHaveLength(2);
});
