import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
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
  const nothing = () => {};
  render(
    <DidTree
      root={root}
      summaries={new Summaries(client, 'atlas')}
      active={{ branch: root, index }}
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
  const goRight = () =>
    fireEvent.keyDown(screen.getByRole('tree'), { key: 'ArrowRight' });
  return { chosen, goRight };
}

beforeAll(measureNothing);

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

it('a line that is still to come is named while the keyboard is on it', async () => {
  const listing = new Listing(client, 'atlas', { kind: 'dids', dids: [] });
  await settled();
  jest.spyOn(listing, 'row').mockReturnValue(undefined);
  show(new Branch(listing), 1);
  const active = screen.getByRole('tree').getAttribute('aria-activedescendant');
  expect(document.getElementById(active ?? '')?.textContent).toBe('Loading…');
});
