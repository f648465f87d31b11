import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import type {
  DidRow,
  DidSummary,
  ReplicaTable,
  RseReplicas,
  StoreStatus
} from '../../client/generated';
import { warningIcon } from '../../components/icons';
import { Strip } from '../../components/notice';
import { DetailPane, type IDetailPaneProps } from '../detailpane';
import { Details } from '../details';
import { DidRowView } from '../didrow';
import { Replicas } from '../replicas';
import { StageBar } from '../stagebar';
import { standing } from '../standing';
import { didOf, FakeCatalog, rowOf, settled } from './fakecatalog';

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
  const show = (
    type: 'dataset' | 'container',
    known?: DidSummary,
    missing = false
  ) => {
    const row = { ...rowOf('a', type), missing };
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
        name={row.did.name}
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

  it('tells how it stands to who cannot see it', () => {
    const label = () => screen.getByRole('treeitem').getAttribute('aria-label');
    show('dataset', summary({ staged_files: 20 }));
    expect(label()).toMatch(/2 RSEs, staged$/);
    cleanup();
    show('dataset', undefined, true);
    expect(label()).toBe('user.alice:a, not in Rucio');
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

describe('what is told before staging', () => {
  const show = (
    known: Partial<DidSummary>[],
    rse: string | null = null,
    started = false,
    more: DidRow[] = []
  ) => {
    const rows = known.map((change, index) =>
      rowOf(`${index}`, change.type ?? 'dataset')
    );
    const onStage = jest.fn();
    const onShowJobs = jest.fn();
    render(
      <StageBar
        rows={[...rows, ...more]}
        summaries={known.map(summary)}
        store={{ free_bytes: 30_000_000 } as StoreStatus}
        rse={rse}
        trans={trans}
        commands={new CommandRegistry()}
        cells={async () => []}
        busy={false}
        started={started}
        onShowJobs={onShowJobs}
        onStage={onStage}
        onReveal={null}
      />
    );
    return { onStage, onShowJobs };
  };
  const told = () =>
    screen.getByRole('status').textContent?.replaceAll('\u00a0', ' ');

  it('is whether only a part is meant, and from where', () => {
    const { onStage } = show([{}], 'CERNBOX');
    press('Only a part…');
    expect(
      screen.queryByRole('button', { name: /^Stage this part/ })
    ).toBeNull();
    fireEvent.change(screen.getByLabelText(/First/), {
      target: { value: '5' }
    });
    press('Stage this part from CERNBOX');
    expect(onStage).toHaveBeenLastCalledWith({ first: 5 });
    press('All of it');
    press('Stage from CERNBOX');
    expect(onStage).toHaveBeenLastCalledWith({});
  });

  it('leads to the job where that is on its way, so that no second is begun', () => {
    const { onShowJobs } = show([{ staged_files: 3 }], null, true);
    expect(screen.queryByRole('button', { name: /^Stage/ })).toBeNull();
    expect(screen.queryByRole('button', { name: 'Only a part…' })).toBeNull();
    press('Show in Jobs');
    expect(onShowJobs).toHaveBeenCalled();
  });

  it('is no part where there is a single file', () => {
    show([{ type: 'file', files: null }]);
    expect(screen.queryByRole('button', { name: 'Only a part…' })).toBeNull();
  });

  it('is in words that there is too little room', () => {
    show([{}, {}]);
    expect(told()).toBe('2 chosen · 40 files · 40.2 MB · only 30 MB free');
  });

  const isEnabled = (name: string) =>
    !screen.getByRole<HTMLButtonElement>('button', { name }).disabled;

  it('is that what is on tape alone is neither staged nor read', () => {
    show([{ reach: 'tape' }]);
    expect(isEnabled('Stage')).toBe(false);
    expect(isEnabled('Insert into notebook')).toBe(false);
  });

  it('is that what came before it went to tape is read, though not staged', () => {
    show([{ reach: 'tape', staged_files: 3 }]);
    expect(isEnabled('Stage the rest')).toBe(false);
    expect(isEnabled('Insert into notebook')).toBe(true);
  });

  it('is that the numbers still rise while some are asked about', () => {
    show([{ bytes: 100 }], null, false, [rowOf('b'), rowOf('c')]);
    expect(told()).toBe('3 chosen · 20 files so far · 100 B · 30 MB free');
  });

  it('is how many of several cannot be had', () => {
    show([{ bytes: 100 }, { bytes: 100, reach: 'tape' }]);
    expect(told()).toContain('1 out of reach · 30 MB free');
  });
});

describe('replicas', () => {
  /** Show the same replicas at two RSEs, the second with what a test wants changed; answers the lines. */
  const show = (change: Partial<RseReplicas>) => {
    const place: RseReplicas = {
      rse: 'CERNBOX',
      schemes: ['cs3'],
      files: 19,
      files_total: 20,
      bytes: 1000,
      media: 'disk',
      reach: 'http',
      state: 'AVAILABLE',
      bytes_per_second: 86_000_000
    };
    render(
      <Replicas
        table={{
          did: didOf('a'),
          rses: [place, { ...place, rse: 'OTHER', ...change }],
          files_total: 20,
          files_without_replica: 0,
          files_in_archives: 0,
          pfns: []
        }}
        rse={null}
        trans={trans}
        onChoose={nothing}
      />
    );
    return (name: RegExp) =>
      screen.getByLabelText(name).closest('label')?.textContent;
  };

  it('tell how fast their RSE was, where it was read from', () => {
    const line = show({ bytes_per_second: null });
    expect(line(/CERNBOX/)).toContain('19 of 20 · 86 MB/s last time');
    expect(line(/OTHER/)).not.toContain('last time');
  });

  it.each([
    ['MIXED', '19 of 20'],
    ['SUSPENDED', '19 of 20 · suspended'],
    ['TEMPORARY_UNAVAILABLE', '19 of 20 · temporary unavailable']
  ])('that are %s are told in words: %s', (state, told) => {
    const line = show({ state, bytes_per_second: null });
    expect(line(/OTHER/)).toBe(`OTHERcs3${told}`);
  });
});

it('a command in a sentence is shown as one', () => {
  render(
    <Strip
      tone="warn"
      icon={warningIcon}
      text="It is closed; `jupyter rucio doctor` tells more."
    />
  );
  expect(screen.getByText('jupyter rucio doctor').tagName).toBe('CODE');
  expect(screen.getByRole('status').textContent).toBe(
    'It is closed; jupyter rucio doctor tells more.'
  );
});

const showDetails = (props: Partial<IDetailPaneProps>, row = rowOf('a')) =>
  render(
    <DetailPane
      details={new Details(new FakeCatalog(), 'atlas', row)}
      summary={undefined}
      tab="files"
      rse={null}
      trans={trans}
      onTab={nothing}
      onRse={nothing}
      onCopy={nothing}
      onRefresh={nothing}
      onClose={nothing}
      {...props}
    />
  );

it.each([
  ['dataset', 'Asking Rucio…'],
  ['file', 'A single file, not staged yet.']
] as const)('the files of a %s are told at first by: %s', (type, told) => {
  showDetails({}, rowOf('a', type));
  expect(screen.getByText(told)).toBeTruthy();
});

it('a hindrance leads to the tab that tells more, wherever that is', () => {
  const onTab = jest.fn();
  const reach = 'tape';
  showDetails({ summary: summary({ reach }), tab: 'replicas', onTab });
  press('Show the rules');
  expect(onTab).toHaveBeenCalledWith('rules');
  expect(document.activeElement).toBe(
    screen.getByRole('tab', { name: 'Rules' })
  );
});

it('details that cannot be drawn say so alone, and are asked for again', async () => {
  jest.spyOn(console, 'error').mockImplementation(); // React tells of it there
  const client = new FakeCatalog();
  client.replicas = async () => ({}) as ReplicaTable;
  const details = new Details(client, 'atlas', rowOf('a'));
  details.show('replicas');
  await settled();
  showDetails({ details, tab: 'replicas' });
  expect(screen.getByText(/^This cannot be shown/)).toBeTruthy();
  expect(screen.getByRole('tab', { name: 'Rules' })).toBeTruthy();

  client.replicas = () => new Promise(nothing);
  press('Try again');
  expect(screen.getByText('Asking Rucio…')).toBeTruthy();
  jest.restoreAllMocks();
});
