import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { FakeAccounts } from '../../accounts/__tests__/fakeaccounts';
import { addAccountCommands } from '../../accounts/commands';
import { Accounts } from '../../accounts/model';
import { settled } from '../../catalog/__tests__/fakecatalog';
import { Failure } from '../../client/failure';
import type { JobSnapshot } from '../../client/generated';
import { measureNothing } from '../../components/__tests__/measuring';
import { useChanges } from '../../components/changes';
import { CommandIDs, type IPanel } from '../../tokens';
import { JobList } from '../joblist';
import { Jobs } from '../model';
import { FakeEvents, FakeJobs } from './fakejobs';
import { jobOf, problemOf } from './job';

const trans = nullTranslator.load('');
const press = (name: string) =>
  act(async () => {
    fireEvent.click(screen.getByRole('button', { name }));
  });

/** Show these jobs, as they go on. */
async function follow(list: JobSnapshot[]) {
  const client = new FakeJobs();
  client.list = list;
  const store = jest.fn(() => Promise.reject(new Error('not asked')));
  client.store = store;
  const transfers = jest.spyOn(client, 'transfers');
  const events = new FakeEvents();
  const jobs = new Jobs(client, events);
  await settled();
  const Drawn = () => {
    useChanges(jobs.changed);
    return (
      <JobList
        jobs={jobs}
        client={client}
        commands={new CommandRegistry()}
        trans={trans}
        onExplore={jest.fn()}
      />
    );
  };
  await act(async () => {
    render(<Drawn />);
  });
  let told = 0;
  const tell = (...changed: JobSnapshot[]) =>
    act(async () => events.tell((told += 1), changed));
  return { client, tell, store, transfers };
}

/** Show a job of an instance that has lost a replica; answers the DIDs that are explored, and where. */
async function show(instance: string, pinned = false) {
  const problem = problemOf({ do: 'choose' });
  const job = jobOf({ state: 'failed', problem, pinned });
  const client = new FakeJobs();
  client.list = [{ ...job, request: { ...job.request, instance } }];
  const events = new FakeEvents();
  const accounts = new Accounts({ client: new FakeAccounts(), events });
  const jobs = new Jobs(client, events);
  await settled();
  const commands = new CommandRegistry();
  addAccountCommands(commands, { accounts, panel: {} as IPanel, trans });
  const explored: string[] = [];
  commands.addCommand(CommandIDs.pasteDids, {
    describedBy: { args: {} },
    execute: ({ dids }) => {
      explored.push(`${accounts.current?.name} ${String(dids)}`);
    }
  });
  await act(async () => {
    render(
      <JobList
        jobs={jobs}
        client={client}
        commands={commands}
        trans={trans}
        onExplore={jest.fn()}
      />
    );
  });
  return { accounts, explored };
}

beforeAll(measureNothing);

it('the replicas of a job are those of its instance', async () => {
  const { accounts, explored } = await show('atlas');
  expect(accounts.current?.name).toBe('escape');
  await press('Show the replicas');
  expect(explored).toEqual(['atlas user.alice:run1']);
});

it('those of an instance that was forgotten are looked for nowhere else', async () => {
  const { accounts, explored } = await show('cms');
  accounts.select('atlas');
  await press('Show the replicas');
  expect(explored).toEqual([]);
  expect(accounts.current?.name).toBe('atlas');
  expect(
    screen.getByText('The instance cms is not known any more.')
  ).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
});

it('a job that is gone is taken off the list, and not tried again', async () => {
  const { client } = await follow([jobOf()]);
  const detail = 'This job is gone.';
  client.changeJob = () => {
    client.list = [];
    return Promise.reject(
      new Failure({ type: 'not-found', detail, do: 'refresh' })
    );
  };
  await press('Cancel');
  expect(screen.getByText(detail)).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Cancel' })).toBeNull();
  expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
});

it('the files of an opened job are read again with each percent of its bytes', async () => {
  const job = jobOf({ files_total: 1, files_done: 0, bytes_total: 1000 });
  const { tell, transfers } = await follow([{ ...job, bytes_done: 0 }]);
  await press('Files of user.alice:run1');
  await tell({ ...job, bytes_done: 4 });
  expect(transfers).toHaveBeenCalledTimes(1);
  await tell({ ...job, bytes_done: 10 });
  expect(transfers).toHaveBeenCalledTimes(2);
});

it('an unfinished job is shown, however old it is', async () => {
  const jobs = Array.from({ length: 60 }, (_, at) =>
    jobOf({ id: `${at}`, created_at: 1000 - at, state: 'done' })
  );
  jobs[58] = { ...jobs[58], state: 'paused' };
  await follow(jobs);
  expect(screen.getAllByRole('button', { name: /^Files of/ })).toHaveLength(51);
  screen.getByRole('button', { name: 'Resume' });
});

it('the room in the store is asked for again whenever a job ends', async () => {
  const jobs = ['1', '2'].map(id => jobOf({ id }));
  const { tell, store } = await follow(jobs);
  const before = store.mock.calls.length;
  await tell({ ...jobs[0], state: 'done' });
  await tell({ ...jobs[1], state: 'done' });
  expect(store).toHaveBeenCalledTimes(before + 2);
});

it.each([false, true])(
  'what has ended is cleared unless its files are kept: %s',
  async pinned => {
    await show('atlas', pinned);
    const clear = screen.queryByRole('button', { name: 'Clear finished' });
    expect(clear === null).toBe(pinned);
  }
);
