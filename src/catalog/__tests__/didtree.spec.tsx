import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { measureNothing } from '../../components/__tests__/measuring';
import { DidTree } from '../didtree';
import { Listing } from '../listing';
import { Summaries } from '../summaries';
import { Branch, type IPlace } from '../tree';
import { FakeCatalog, rowOf, settled } from './fakecatalog';

const client = new FakeCatalog();
client.rows = { '*': [rowOf('a'), rowOf('b')], a: [rowOf('a1', 'file')] };

/** Show a tree with the keyboard on its first row; the answer has what was chosen by key. */
function show(root: Branch, index = 0) {
  const chosen: IPlace[] = [];
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
      onChoose={place => chosen.push(place)}
      onToggle={nothing}
      onStage={nothing}
      onClear={nothing}
      onTop={nothing}
      onEnter={nothing}
      onDragStart={nothing}
    />
  );
  const { rerender } = render(tree());
  root.listing.changed.connect(() => rerender(tree()));
  const goRight = () =>
    fireEvent.keyDown(screen.getByRole('tree'), { key: 'ArrowRight' });
  return { chosen, goRight };
}

beforeAll(measureNothing);
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('from an open row the keyboard goes to what it holds, and waits until that has come', async () => {
  const all = new Listing(client, 'atlas', { kind: 'dids', dids: [] });
  const root = new Branch(all);
  await settled();
  const { did } = rowOf('a');
  root.open(0, new Listing(client, 'atlas', { kind: 'content', did }));
  const { chosen, goRight } = show(root);
  goRight();
  expect(chosen).toEqual([]);
  await settled();
  goRight();
  expect(chosen.map(({ branch }) => branch.parent?.branch)).toEqual([root]);
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
  const listing = new Listing(client, 'atlas', { kind: 'dids', dids: [] });
  await settled();
  jest.spyOn(listing, 'row').mockReturnValue(undefined);
  show(new Branch(listing), 1);
  const active = screen.getByRole('tree').getAttribute('aria-activedescendant');
  expect(document.getElementById(active ?? '')?.textContent).toBe('Loading…');
});
