import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { FakeAccounts } from '../../accounts/__tests__/fakeaccounts';
import { addAccountCommands } from '../../accounts/commands';
import { Accounts } from '../../accounts/model';
import { settled } from '../../catalog/__tests__/fakecatalog';
import { measureNothing } from '../../components/__tests__/measuring';
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

/** Show a job of an instance that has lost a replica; answers the DIDs that are explored, and where. */
async function show(instance: string) {
  const job = jobOf({ state: 'failed', problem: problemOf({ do: 'choose' }) });
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
});
