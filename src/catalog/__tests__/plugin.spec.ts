import type { JupyterFrontEnd } from '@jupyterlab/application';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';

import type { IAccounts, IJobs, IPanel, IServer } from '../../tokens';
import type { Catalog } from '../model';
import { catalog as plugin } from '../plugin';
import { didOf, FakeCatalog, rowOf, settled } from './fakecatalog';

function activate(client: FakeCatalog) {
  const accounts = { usable: 'atlas', changed: new Signal<unknown, void>({}) };
  const jobs = {
    changed: new Signal<unknown, void>({}),
    finished: new Signal<unknown, void>({})
  };
  const engine = { recovered: new Signal<unknown, void>({}) };
  const panel = { update: () => undefined, addTab: () => undefined };
  const catalog = plugin.activate(
    { commands: new CommandRegistry() } as JupyterFrontEnd,
    { client, engine } as unknown as IServer,
    accounts as unknown as IAccounts,
    jobs as unknown as IJobs,
    panel as unknown as IPanel,
    null,
    null,
    null,
    null
  ) as Catalog;
  return { catalog, jobs, engine };
}

it('a job that ends tells anew of what is chosen, though that is out of sight', async () => {
  const client = new FakeCatalog();
  client.rows = { '*': [rowOf('a'), { ...rowOf('gone'), missing: true }] };
  const { catalog, jobs } = activate(client);
  catalog.paste([didOf('a'), didOf('gone')]);
  await settled();
  catalog.choose({ branch: catalog.root!, index: 0 });
  catalog.choose({ branch: catalog.root!, index: 1 }, 'range');
  await settled();
  catalog.summaries?.want([didOf('other')]);

  client.staged = 2;
  jobs.finished.emit();
  expect(catalog.plan(catalog.selected).counting).toBe(false);
  await settled();
  expect(catalog.plan(catalog.selected).whole).toBe(true);
  expect(client.summarized.flat()).not.toContainEqual(didOf('gone'));
});

it('what was not answered is asked again once the server is back', async () => {
  const client = new FakeCatalog();
  client.rows = { '*': [rowOf('a')] };
  const { catalog, engine } = activate(client);
  const open = jest.spyOn(client, 'openListing');
  open.mockRejectedValueOnce(new Error('offline'));
  catalog.paste([didOf('a')]);
  await settled();
  expect(catalog.root?.listing.obstacle?.detail).toBe('offline');
  engine.recovered.emit();
  await settled();
  expect(catalog.root?.listing.row(0)).toEqual(rowOf('a'));
});
