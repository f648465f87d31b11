import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import type { DidSummary } from '../../client/generated';
import { DetailPane } from '../detailpane';
import { Details } from '../details';
import { DidRowView } from '../didrow';
import { StageBar } from '../stagebar';
import { standing } from '../standing';
import { didOf, FakeCatalog, rowOf } from './fakecatalog';

const trans = nullTranslator.load('');
const nothing = () => {};
const press = (name: string) =>
  fireEvent.click(screen.getByRole('button', { name }));

const summary = (change: Partial<DidSummary> = {}): DidSummary => ({
  did: didOf('a'),
  type: 'dataset',
  bytes: 20_100_000,
  files: 20,
  open: false,
  rses: 2,
  reach: 'http',
  staged_files: 0,
  staged_path: null,
  ...change
});

describe('a row', () => {
  const show = (type: 'dataset' | 'container', known?: DidSummary) => {
    const row = rowOf('a', type);
    render(
      <DidRowView
        id="row"
        row={row}
        summary={known}
        standing={standing(row, known, null)}
        depth={0}
        expanded={false}
        selected={false}
        active={false}
        scoped={false}
        width={200}
        measure={text => 7 * text.length}
        neighbours={[]}
        position={0}
        siblings={1}
        trans={trans}
        onChoose={nothing}
        onToggle={nothing}
        onStage={nothing}
        onDragStart={nothing}
      />
    );
  };
  const dispensable = () =>
    document.querySelector('.jp-mod-dispensable')?.textContent;

  it('tells its facts in full to who cannot see them all', () => {
    show('dataset', summary());
    const facts = 'dataset · 20 files · 20.1 MB · 2 RSEs';
    expect(screen.getByTitle(facts).textContent).toBe(facts);
    expect(screen.getByRole('treeitem').getAttribute('aria-label')).toBe(
      `user.alice:a, ${facts}`
    );
  });

  it('spares the word dataset first, with the dot after it', () => {
    show('dataset', summary());
    expect(dispensable()).toBe('dataset · ');
  });

  it('never spares that it is a container, nor its only word', () => {
    show('container', summary());
    show('dataset');
    expect(dispensable()).toBeUndefined();
  });
});

it('a button for staging says when only a part is meant', () => {
  const onStage = jest.fn();
  render(
    <StageBar
      rows={[rowOf('a')]}
      summaries={[summary()]}
      store={null}
      rse="CERNBOX"
      trans={trans}
      commands={new CommandRegistry()}
      cells={null}
      busy={false}
      onStage={onStage}
      onReveal={null}
    />
  );
  press('Only a part…');
  expect(screen.queryByRole('button', { name: 'Stage this part' })).toBeNull();
  fireEvent.change(screen.getByLabelText(/First/), { target: { value: '5' } });
  press('Stage this part');
  expect(onStage).toHaveBeenLastCalledWith({ first: 5 });
  press('All of it');
  press('Stage from CERNBOX');
  expect(onStage).toHaveBeenLastCalledWith({});
});

it('a hindrance leads to the tab that tells more, wherever that is', () => {
  const onTab = jest.fn();
  render(
    <DetailPane
      details={new Details(new FakeCatalog(), 'atlas', rowOf('a'))}
      summary={summary({ reach: 'tape' })}
      tab="replicas"
      rse={null}
      trans={trans}
      onTab={onTab}
      onRse={nothing}
      onCopy={nothing}
      onRefresh={nothing}
      onClose={nothing}
    />
  );
  press('Show the rules');
  expect(onTab).toHaveBeenCalledWith('rules');
  expect(document.activeElement).toBe(
    screen.getByRole('tab', { name: 'Rules' })
  );
});
