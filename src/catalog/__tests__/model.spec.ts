import { Signal } from '@lumino/signaling';

import type { IAccounts } from '../../accounts/model';
import { Catalog } from '../model';
import { didOf, FakeCatalog, rowOf, settled } from './fakecatalog';

/** Accounts of which only the usable instance is asked. */
class FakeAccounts {
  usable: string | null = 'atlas';
  current = null;
  readonly changed = new Signal<this, void>(this);

  use(instance: string | null): void {
    this.usable = instance;
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

it('completes nothing while signed out', async () => {
  const { catalog, accounts } = await setUp();
  accounts.use(null);
  expect(await catalog.completeScope('user')).toEqual({ own: [], others: [] });
});
