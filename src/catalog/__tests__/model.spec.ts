import { Signal } from '@lumino/signaling';

import { instanceOf } from '../../accounts/__tests__/instance';
import type { IAccounts } from '../../accounts/model';
import { Failure } from '../../client/failure';
import type { InstanceInfo } from '../../client/generated';
import { Catalog } from '../model';
import { didOf, FakeCatalog, rowOf, settled } from './fakecatalog';

/** Accounts of which only the usable instance, and how the user stands there, is asked. */
class FakeAccounts {
  usable: string | null = 'atlas';
  current: InstanceInfo | null = null;
  readonly changed = new Signal<this, void>(this);

  use(instance: string | null): void {
    this.usable = instance;
    this.changed.emit();
  }

  stand(state: InstanceInfo['account']['state']): void {
    const { account } = instanceOf();
    this.current = instanceOf({ account: { ...account, state } });
    this.changed.emit();
  }
}

async function setUp() {
  const client = new FakeCatalog();
  client.rows = {
    '*': [rowOf('a'), rowOf('b'), rowOf('c', 'file'), rowOf('d')],
    a: [rowOf('a1', 'file')]
  };
  const accounts = new FakeAccounts();
  const catalog = new Catalog(client, accounts as unknown as IAccounts);
  catalog.ask({ scope: 'user.alice' });
  await settled();
  const place = (index: number) => ({ branch: catalog.root!, index });
  const chosen = () => catalog.selected.map(row => row.did.name);
  return { client, accounts, catalog, place, chosen };
}

it('asks for nothing without a scope', async () => {
  const { catalog } = await setUp();
  catalog.ask({ scope: '', name: 'x' });
  expect(catalog.root?.listing.query).toMatchObject({ name: '*' });
});

it('takes the scope from a name that brings one along', async () => {
  const { catalog } = await setUp();
  catalog.ask({ name: 'mc23:ttbar*' });
  expect(catalog.search).toMatchObject({ scope: 'mc23', name: 'ttbar*' });
});

it('takes no scope from a name that it keeps, though that holds a colon', async () => {
  const { catalog } = await setUp();
  catalog.ask({ name: 'mc23:run:1' });
  catalog.ask({ type: 'file' });
  expect(catalog.search).toMatchObject({ scope: 'mc23', name: 'run:1' });
  catalog.ask({ scope: 'mc24', name: 'run:1' });
  expect(catalog.search).toMatchObject({ scope: 'mc24', name: 'run:1' });
  catalog.ask({ scope: '', name: 'run:1' });
  expect(catalog.search).toMatchObject({ scope: 'run', name: '1' });
});

it('chooses one, several, or a range', async () => {
  const { catalog, place, chosen } = await setUp();
  catalog.choose(place(0));
  catalog.choose(place(3), 'toggle');
  expect(chosen()).toEqual(['a', 'd']);
  catalog.choose(place(3), 'toggle');
  expect(chosen()).toEqual(['a']);
  catalog.choose(place(1));
  catalog.choose(place(3), 'range');
  expect(chosen()).toEqual(['b', 'c', 'd']);
});

it('a range begins where the choice began, and may shrink again', async () => {
  const { catalog, place, chosen } = await setUp();
  catalog.choose(place(1));
  catalog.choose(place(3), 'range');
  catalog.choose(place(2), 'range');
  expect(chosen()).toEqual(['b', 'c']);
  catalog.choose(place(0), 'range');
  expect(chosen()).toEqual(['a', 'b']);
});

it('all are chosen at once, of the branch that the keyboard is in', async () => {
  const { catalog, place, chosen } = await setUp();
  catalog.choose(place(2), 'all');
  expect(chosen()).toEqual(['a', 'b', 'c', 'd']);
  expect(catalog.active).toMatchObject({ index: 2 });
  catalog.choose(place(3), 'range');
  expect(chosen()).toEqual(['c', 'd']);
});

describe('of a long answer', () => {
  const long = async (rows: number) => {
    const made = await setUp();
    made.client.rows['*'] = Array.from({ length: rows }, (_, index) =>
      rowOf(`d${index}`)
    );
    made.catalog.refresh();
    await settled();
    return made;
  };

  it('a range is chosen whole, once the rows between have come', async () => {
    const { catalog, place, chosen } = await long(1000);
    catalog.choose(place(10));
    catalog.choose(place(950), 'range');
    expect([chosen(), catalog.choosing]).toEqual([['d10'], true]);
    await settled();
    expect(catalog.choosing).toBe(false);
    expect(chosen()).toHaveLength(941);
    expect(chosen().slice(-1)).toEqual(['d950']);
  });

  it('what is chosen meanwhile counts, not the range', async () => {
    const { catalog, place, chosen } = await long(1000);
    catalog.choose(place(10));
    catalog.choose(place(950), 'range');
    catalog.choose(place(3));
    await settled();
    expect([chosen(), catalog.choosing]).toEqual([['d3'], false]);
    catalog.choose(place(550), 'range');
    catalog.clear();
    await settled();
    expect([chosen(), catalog.choosing]).toEqual([[], false]);
  });

  it('rows that are not here yet join the choice in the order of asking', async () => {
    const { catalog, place, chosen } = await long(1000);
    catalog.choose(place(10));
    catalog.choose(place(950), 'toggle');
    catalog.choose(place(3), 'toggle');
    catalog.choose(place(10), 'toggle');
    expect([chosen(), catalog.choosing]).toEqual([['d10'], true]);
    await settled();
    expect([chosen(), catalog.choosing]).toEqual([['d950', 'd3'], false]);
  });

  it('what joins a range that is still to come joins it', async () => {
    const { catalog, place, chosen } = await long(1000);
    catalog.choose(place(990));
    catalog.choose(place(995), 'range');
    catalog.choose(place(10), 'toggle');
    await settled();
    expect(chosen().slice(-2)).toEqual(['d995', 'd10']);
    expect(chosen()).toHaveLength(7);
  });

  it('the last row is chosen by one key, though it is not here yet', async () => {
    const { catalog, place, chosen } = await long(1000);
    catalog.choose(place(999));
    await settled();
    expect(chosen()).toEqual(['d999']);
    expect(catalog.details?.row.did.name).toBe('d999');
  });

  it('a range too long to be asked about is refused, and that is told', async () => {
    const { client, catalog, place, chosen } = await long(100_000);
    catalog.choose(place(0));
    catalog.choose(place(99_999), 'range');
    await settled();
    expect([chosen(), catalog.tooMany]).toEqual([['d0'], 100_000]);
    expect(client.asked).toEqual([]);
    catalog.choose(place(1));
    expect(catalog.tooMany).toBeNull();
  });

  it('a range that cannot be had leaves the choice as it was', async () => {
    const { client, catalog, place, chosen } = await long(1000);
    client.readListing = () => Promise.reject(new Error('offline'));
    catalog.choose(place(10));
    catalog.choose(place(950), 'range');
    await settled();
    expect([chosen(), catalog.choosing]).toEqual([['d10'], false]);
    expect(catalog.root?.listing.lapse?.detail).toBe('offline');
  });
});

it('the keyboard may pass over lines without choosing them', async () => {
  const { catalog, place, chosen } = await setUp();
  catalog.choose(place(0));
  catalog.choose(place(2), 'move');
  expect(chosen()).toEqual(['a']);
  catalog.choose(catalog.active!, 'toggle');
  expect(chosen()).toEqual(['a', 'c']);
});

it('has details of one DID alone', async () => {
  const { catalog, place } = await setUp();
  catalog.choose(place(0));
  expect(catalog.details?.row.did).toEqual(didOf('a'));
  catalog.choose(place(1), 'toggle');
  expect(catalog.details).toBeNull();
});

it('opens a dataset, and no file', async () => {
  const { catalog, place } = await setUp();
  catalog.toggle(place(0));
  catalog.toggle(place(2));
  await settled();
  expect(catalog.root?.size).toBe(5);
});

it('begins anew at another instance', async () => {
  const { catalog, accounts, client } = await setUp();
  accounts.use('escape');
  expect([catalog.instance, catalog.root, catalog.search.scope]).toEqual([
    'escape',
    null,
    ''
  ]);
  expect(client.closed).toEqual(['*']);
});

it('forgets at another instance from where a DID was to be taken', async () => {
  const { catalog, accounts } = await setUp();
  catalog.view.chooseRse(didOf('a'), 'CERNBOX');
  expect(catalog.rseOf([rowOf('a')])).toBe('CERNBOX');
  accounts.use('escape');
  expect(catalog.rseOf([rowOf('a')])).toBeNull();
});

describe('once the user has signed in again', () => {
  const detail = 'Your sign-in has lapsed.';
  const refuse = () =>
    Promise.reject(new Failure({ type: 'refused', detail, do: 'signin' }));

  it('asks the question that was not answered', async () => {
    const { client, accounts, catalog } = await setUp();
    const open = jest.spyOn(client, 'openListing');
    open.mockImplementationOnce(refuse);
    catalog.refresh();
    accounts.stand('lapsed');
    await settled();
    expect(catalog.root?.listing.obstacle?.detail).toBe(detail);
    accounts.stand('signed-in');
    await settled();
    expect(catalog.root?.listing.obstacle).toBeNull();
    expect(catalog.root?.listing.length).toBe(4);
  });

  it('asks for the summaries that did not come, and keeps the choice', async () => {
    const { client, accounts, catalog, place, chosen } = await setUp();
    const summarize = jest.spyOn(client, 'summarize');
    summarize.mockImplementationOnce(refuse);
    catalog.choose(place(0));
    accounts.stand('lapsed');
    await settled();
    expect(catalog.summaries?.obstacle?.detail).toBe(detail);
    accounts.stand('lapsing');
    await settled();
    expect(catalog.summaries?.obstacle).toBeNull();
    expect(catalog.summariesOf(catalog.selected)).toHaveLength(1);
    expect(chosen()).toEqual(['a']);
  });

  it('asks what an open row holds, and for the details', async () => {
    const { client, accounts, catalog, place } = await setUp();
    jest.spyOn(client, 'openListing').mockImplementationOnce(refuse);
    client.replicas = jest.fn(refuse);
    catalog.toggle(place(0));
    catalog.choose(place(1));
    catalog.details?.show('replicas');
    accounts.stand('lapsed');
    await settled();
    expect(catalog.root?.line(1)).toMatchObject({ kind: 'end' });
    accounts.stand('signed-in');
    await settled();
    expect(catalog.root?.line(1)).toMatchObject({ row: rowOf('a1', 'file') });
    expect(client.replicas).toHaveBeenCalledTimes(2);
  });

  it('asks nothing that has an answer', async () => {
    const { client, accounts, catalog, place } = await setUp();
    catalog.choose(place(0));
    await settled();
    const open = jest.spyOn(client, 'openListing');
    const summarize = jest.spyOn(client, 'summarize');
    accounts.stand('lapsed');
    accounts.stand('signed-in');
    await settled();
    expect(open).not.toHaveBeenCalled();
    expect(summarize).not.toHaveBeenCalled();
  });
});

it('completes nothing while signed out', async () => {
  const { catalog, accounts } = await setUp();
  accounts.use(null);
  expect(await catalog.completeScope('user')).toEqual({ own: [], others: [] });
});

it('offers the scopes that one may write to before the others', async () => {
  const { client, catalog } = await setUp();
  client.scopes = async (_, __, ___, writable) => {
    const scopes = writable ? ['user.alice'] : ['mc23', 'user.alice'];
    return { scopes, total: scopes.length };
  };
  expect(await catalog.completeScope('')).toEqual({
    own: ['user.alice'],
    others: ['mc23']
  });
});

describe('after a reload', () => {
  const reloaded = async (usable: string | null) => {
    const before = await setUp();
    before.catalog.view.look({ top: 460, tab: 'rules' });
    const memory = before.catalog.memory!;
    const accounts = new FakeAccounts();
    accounts.usable = usable;
    const catalog = new Catalog(
      before.client,
      accounts as unknown as IAccounts
    );
    catalog.restore(memory);
    await settled();
    return { memory, accounts, catalog };
  };

  it('asks again what was asked, and looks as it looked', async () => {
    const { memory, catalog } = await reloaded('atlas');
    expect(catalog.search.scope).toBe('user.alice');
    expect(catalog.root?.listing.length).toBe(4);
    expect(catalog.view.memory).toMatchObject({ top: 460, tab: 'rules' });
    expect(catalog.memory).toEqual(memory);
  });

  it('waits for the instance, and keeps what it remembers until then', async () => {
    const { accounts, catalog } = await reloaded(null);
    expect(catalog.root).toBeNull();
    expect(catalog.memory).toBeNull();
    accounts.use('escape');
    expect(catalog.root).toBeNull();
    accounts.use('atlas');
    await settled();
    expect(catalog.root?.listing.length).toBe(4);
  });

  it('a list comes back whole or not at all', async () => {
    const { catalog } = await setUp();
    const list = (length: number) =>
      Array.from({ length }, (_, at) => didOf(`d${at}`));
    catalog.paste(list(1000));
    expect(catalog.memory).toMatchObject({ asked: true, dids: list(1000) });
    catalog.paste(list(1001));
    expect(catalog.memory).toMatchObject({ asked: false, dids: null });
  });

  it('what the user asks meanwhile comes first', async () => {
    const { accounts, catalog } = await reloaded('escape');
    catalog.ask({ scope: 'other' });
    accounts.use('atlas');
    await settled();
    expect(catalog.root).toBeNull();
  });
});
