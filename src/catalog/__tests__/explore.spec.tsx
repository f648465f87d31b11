import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import type { IAccounts } from '../../accounts/model';
import type { JobAsk } from '../../client/client';
import { Failure } from '../../client/failure';
import type { Did } from '../../client/generated';
import { measureNothing } from '../../components/__tests__/measuring';
import { CommandIDs, type ICells, type IJobs } from '../../tokens';
import { addCatalogCommands, type ICatalogCommandsOptions } from '../commands';
import { Explore } from '../explore';
import { Catalog } from '../model';
import { didOf, FakeCatalog, rowOf } from './fakecatalog';

beforeAll(measureNothing);
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const rest = () => act(() => jest.advanceTimersByTimeAsync(200));

/** Explore with two DIDs, of which the first is chosen, and to be taken from CERNBOX. */
async function setUp(second = rowOf('b')) {
  const client = new FakeCatalog();
  client.rows = { '*': [rowOf('a'), second] };
  const accounts = { usable: 'atlas', changed: { connect: () => true } };
  const catalog = new Catalog(client, accounts as unknown as IAccounts);
  const started: JobAsk[] = [];
  const jobs = {
    store: null,
    of: () => null,
    refreshStore: async () => undefined,
    start: async (job: JobAsk) => void started.push(job)
  } as unknown as IJobs;
  const commands = new CommandRegistry();
  const trans = nullTranslator.load('');
  const options = { catalog, jobs, trans } as ICatalogCommandsOptions;
  addCatalogCommands(commands, options);

  catalog.ask({ scope: 'user.alice' });
  await rest();
  catalog.choose({ branch: catalog.root!, index: 0 });
  catalog.view.chooseRse(didOf('a'), 'CERNBOX');
  const offered: Did[][] = [];
  const cells = {
    offers: async (_: string, dids: Did[]) => {
      offered.push(dids);
      return [];
    }
  } as unknown as ICells;
  const explore = () => (
    <Explore
      catalog={catalog}
      jobs={jobs}
      commands={commands}
      trans={trans}
      cells={cells}
    />
  );
  const { rerender } = render(explore());
  const comeBack = () => rerender(explore());
  const leave = () => rerender(<></>);
  catalog.changed.connect(comeBack);
  await rest();
  return { client, catalog, commands, started, offered, leave, comeBack };
}

const press = (name: string) =>
  fireEvent.click(screen.getByRole('button', { name }));

describe('the RSE that was chosen', () => {
  it('is that of the row that is staged, not of the one that is chosen', async () => {
    const { started } = await setUp();
    press('Stage user.alice:b');
    await rest();
    press('Stage user.alice:a');
    await rest();
    expect(started).toMatchObject([
      { dids: [didOf('b')], rse: null },
      { dids: [didOf('a')], rse: 'CERNBOX' }
    ]);
  });

  it('counts for the command as it does for the bar', async () => {
    const { catalog, commands, started } = await setUp();
    screen.getByRole('button', { name: 'Stage from CERNBOX' });
    await commands.execute(CommandIDs.stage);
    act(() => catalog.choose({ branch: catalog.root!, index: 1 }, 'toggle'));
    screen.getByRole('button', { name: 'Stage' });
    await commands.execute(CommandIDs.stage);
    expect(started).toMatchObject([
      { dids: [didOf('a')], rse: 'CERNBOX' },
      { dids: [didOf('a'), didOf('b')], rse: null }
    ]);
  });
});

it('a double click on the button of a row leaves the row closed', async () => {
  const { catalog } = await setUp();
  const stage = screen.getByRole('button', { name: 'Stage user.alice:b' });
  fireEvent.doubleClick(stage);
  await rest();
  expect(catalog.root?.isOpen(1)).toBe(false);
});

it('a search for another kind is one for what stands in the fields', async () => {
  const { catalog } = await setUp();
  const name = screen.getByRole<HTMLInputElement>('textbox', { name: 'Name' });
  fireEvent.change(name, { target: { value: 'run*' } });
  press('Files');
  expect(catalog.search).toMatchObject({ name: 'run*', type: 'all' });
  expect(catalog.root?.listing.query).toMatchObject({ name: 'run*' });
});

it('what is asked elsewhere takes the place of what was typed', async () => {
  const { catalog } = await setUp();
  const name = screen.getByRole<HTMLInputElement>('textbox', { name: 'Name' });
  fireEvent.change(name, { target: { value: 'run*' } });
  act(() => catalog.ask({ name: 'other*' }));
  expect(name.value).toBe('other*');
});

it('what was typed and not yet asked is kept while the tab is left', async () => {
  const { leave, comeBack } = await setUp();
  const name = () =>
    screen.getByRole<HTMLInputElement>('textbox', { name: 'Name' });
  fireEvent.change(name(), { target: { value: 'run*' } });
  leave();
  comeBack();
  expect(name().value).toBe('run*');
});

it('rows stay when others cannot be had, and it is told how to have those', async () => {
  const { client, catalog } = await setUp();
  const read = jest.spyOn(client, 'readListing');
  read.mockRejectedValueOnce(
    new Failure({ type: 'offline', detail: 'No answer.', do: 'retry' })
  );
  client.rows['*'] = Array.from({ length: 400 }, (_, at) => rowOf(`d${at}`));
  catalog.refresh();
  await rest();
  act(() => catalog.root!.listing.ensure(200, 201));
  await rest();
  expect(screen.getAllByRole('treeitem').length).toBeGreaterThan(0);
  expect(screen.getByText('No answer.')).toBeTruthy();
  press('Try again');
  await rest();
  expect(screen.queryByText('No answer.')).toBeNull();
  expect(catalog.root!.listing.row(200)?.did.name).toBe('d200');
});

it('a count is read out once it rises no more', async () => {
  const { client, catalog } = await setUp();
  client.arrived['*'] = 1;
  catalog.refresh();
  await rest();
  const tally = screen.getByText('1 result so far, more are coming');
  expect(tally.getAttribute('aria-busy')).toBe('true');
  client.arrived['*'] = 2;
  await act(() => jest.advanceTimersByTimeAsync(1000));
  expect(tally.textContent).toBe('2 results · 0.1 s');
  expect(tally.getAttribute('aria-busy')).toBe('false');
});

it('a dataset that still grows is asked about anew, and what it holds', async () => {
  const { client, catalog } = await setUp();
  const summarize = client.summarize.bind(client);
  client.summarize = async (instance, dids) => {
    const { summaries } = await summarize(instance, dids);
    return { summaries: summaries.map(each => ({ ...each, open: true })) };
  };
  client.rows.a = [rowOf('a1', 'file')];
  act(() => {
    catalog.renew();
    catalog.view.look({ tab: 'files' });
  });
  await rest();
  client.rows.a = [rowOf('a1', 'file'), rowOf('a2', 'file')];
  press('Refresh');
  await rest();
  expect(screen.getByTitle('a2')).toBeTruthy();
});

it('a list that the server has forgotten is searched for again', async () => {
  const { client, catalog } = await setUp();
  client.rows['*'] = Array.from({ length: 400 }, (_, at) => rowOf(`d${at}`));
  catalog.refresh();
  await rest();
  const detail = 'This list has expired; search again.';
  jest
    .spyOn(client, 'readListing')
    .mockRejectedValueOnce(
      new Failure({ type: 'not-found', detail, do: 'refresh' })
    );
  act(() => catalog.root!.listing.ensure(200, 201));
  await rest();
  expect(screen.getByText(detail)).toBeTruthy();
  const { questions } = catalog;
  press('Search again');
  expect(catalog.questions).toBe(questions + 1);
});

it('a DID that Rucio does not know keeps no other from a notebook, nor from its RSE', async () => {
  const { catalog, offered, started } = await setUp({
    ...rowOf('gone'),
    missing: true
  });
  act(() => catalog.choose({ branch: catalog.root!, index: 1 }, 'toggle'));
  press('Insert into notebook');
  await rest();
  expect(offered).toEqual([[didOf('a')]]);
  press('Stage from CERNBOX');
  await rest();
  expect(started).toMatchObject([{ dids: [didOf('a')], rse: 'CERNBOX' }]);
});

it('a DID that Rucio does not know keeps no other from being staged', async () => {
  const { client, catalog } = await setUp({ ...rowOf('gone'), missing: true });
  const summarize = client.summarize.bind(client);
  client.summarize = async (instance, dids) => {
    const { summaries } = await summarize(instance, dids);
    return {
      summaries: summaries.map(summary =>
        summary.did.name === 'gone' ? { ...summary, reach: 'none' } : summary
      )
    };
  };
  act(() => catalog.choose({ branch: catalog.root!, index: 1 }, 'toggle'));
  await rest();
  const stage = screen.getByRole<HTMLButtonElement>('button', {
    name: 'Stage from CERNBOX'
  });
  expect(stage.disabled).toBe(false);
});
