import { Clipboard } from '@jupyterlab/apputils';
import {
  type INotebookTracker,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';

import type { ICatalogClient } from '../../client/client';
import type { IEngine } from '../../client/engine';
import type { Did, DidSummary } from '../../client/generated';
import { Cells } from '../cells';

const LIMIT = 100;

/** Staged files, and datasets whose names begin with `run`; but what is named so is not staged. */
class FakeStore {
  missing: string | null = null;
  closeListing = async () => undefined;
  readonly sizes: number[] = [];
  readonly listed: string[] = [];

  async summarize(_: string, dids: Did[]) {
    this.sizes.push(dids.length);
    const summaries = dids.map(({ scope, name }) => ({
      did: { scope, name },
      type: name.startsWith('run') ? 'dataset' : 'file',
      files: 1,
      staged_files: name === this.missing ? 0 : 1,
      staged_path: name === this.missing ? null : `/data/${name}`
    }));
    return { summaries: summaries as DidSummary[] };
  }

  async openListing(_: string, query: { did: Did }) {
    this.listed.push(query.did.name);
    const did = { scope: 'user.alice', name: `${query.did.name}.root` };
    return { listing_id: '1', rows: [{ did, type: 'file' }] };
  }
}

/** A notebook of which is seen what was inserted. */
class FakeNotebook {
  isDisposed = false;
  source = '';
  readonly content = {
    model: { readOnly: false },
    activeCell: {
      model: {
        sharedModel: { setSource: (source: string) => (this.source = source) },
        setMetadata: () => undefined
      }
    }
  };
}

function setUp() {
  const store = new FakeStore();
  const tracker = { currentWidget: new FakeNotebook() };
  const activated: unknown[] = [];
  const cells = new Cells({
    client: store as unknown as ICatalogClient,
    engine: {
      environment: { summaries_limit: LIMIT }
    } as unknown as IEngine,
    accounts: { known: null },
    tracker: tracker as unknown as INotebookTracker,
    trans: nullTranslator.load(''),
    activate: (notebook: NotebookPanel) => activated.push(notebook)
  });
  return { store, tracker, activated, cells };
}

const didsOf = (...names: string[]): Did[] =>
  names.map(name => ({ scope: 'user.alice', name }));
const many = (count: number, name: (at: number) => string) =>
  didsOf(...Array.from({ length: count }, (_, at) => name(at)));

beforeEach(() => {
  jest.spyOn(NotebookActions, 'insertBelow').mockReturnValue();
});
afterEach(() => jest.restoreAllMocks());

it('as many DIDs as can be chosen are asked about, no more at once than the server takes', async () => {
  const { store, cells } = setUp();
  const dids = many(250, at => `${at}.root`);
  expect((await cells.offers('atlas', dids))[0]).toBe('ROOT with uproot');
  expect(store.sizes).toEqual([100, 100, 50]);
});

it('a few of many collections tell what kind their files are', async () => {
  const { store, cells } = setUp();
  const offers = await cells.offers(
    'atlas',
    many(250, at => `run${at}`)
  );
  expect(offers[0]).toBe('ROOT with uproot');
  expect(store.listed).toEqual(['run0', 'run1', 'run2', 'run3', 'run4']);
});

it('once one is known not to be staged nothing more is asked', async () => {
  const { store, cells } = setUp();
  store.missing = 'run7';
  expect(
    await cells.offers(
      'atlas',
      many(250, at => `run${at}`)
    )
  ).toEqual([]);
  expect([store.sizes, store.listed]).toEqual([[100], []]);
});

it('a list of names that cannot be closed keeps nobody from inserting', async () => {
  const { store, tracker, cells } = setUp();
  store.closeListing = () => Promise.reject(new Error('gone'));
  await cells.insert('atlas', didsOf('run1'));
  expect(tracker.currentWidget.source).toContain('/data/run1/run1.root');
});

it('a cell goes where it was asked for, and is shown', async () => {
  const { tracker, activated, cells } = setUp();
  const meant = tracker.currentWidget;
  const inserted = cells.insert('atlas', didsOf('a.root'));
  tracker.currentWidget = new FakeNotebook();
  await inserted;
  expect(meant.source).toContain('/data/a.root');
  expect(tracker.currentWidget.source).toBe('');
  expect(activated).toEqual([meant]);
});

it('the code is copied where the notebook was closed meanwhile', async () => {
  const copied = jest.spyOn(Clipboard, 'copyToSystem').mockReturnValue();
  const { tracker, activated, cells } = setUp();
  const inserted = cells.insert('atlas', didsOf('a.root'));
  tracker.currentWidget.isDisposed = true;
  await inserted;
  expect(copied).toHaveBeenCalledWith(expect.stringContaining('/data/a.root'));
  expect(activated).toEqual([]);
});
