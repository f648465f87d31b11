import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { settled } from '../../catalog/__tests__/fakecatalog';
import type { JobSnapshot } from '../../client/generated';
import { Jobs } from '../model';
import { Notifications } from '../notifications';
import { FakeEvents, FakeJobs } from './fakejobs';
import { jobOf } from './job';

const shown = () =>
  Notification.manager.notifications.map(({ type, message }) => ({
    type,
    message
  }));

async function setUp(list: JobSnapshot[] = [], early: JobSnapshot[] = []) {
  const client = new FakeJobs();
  client.list = list;
  const events = new FakeEvents();
  const jobs = new Jobs(client, events);
  const trans = nullTranslator.load('');
  const notifications = new Notifications(jobs, new CommandRegistry(), trans);
  if (early.length > 0) {
    events.tell(1, early);
  }
  await settled();
  /** The server's jobs are these now. */
  const tell = async (...told: JobSnapshot[]) => {
    client.list = told;
    await jobs.refresh();
  };
  return { tell, notifications };
}

beforeEach(() => Notification.manager.dismiss());

it('a job has one notification from its start to its end', async () => {
  const { tell } = await setUp();
  await tell(jobOf());
  await tell(jobOf({ files_done: 15, bytes_done: 15_000_000 }));
  expect(shown()).toEqual([
    {
      type: 'in-progress',
      message: expect.stringContaining('15 of 20.1 MB')
    }
  ]);
  await tell(jobOf({ state: 'done', files_done: 20 }));
  expect(shown()).toEqual([
    { type: 'success', message: expect.stringContaining('20 files, verified') }
  ]);
});

it('jobs that were here before have none', async () => {
  const { tell } = await setUp([jobOf()]);
  await tell(jobOf({ state: 'done' }));
  expect(shown()).toEqual([]);
});

it('nor have they where an event comes before they are read', async () => {
  await setUp([jobOf({ state: 'done' }), jobOf({ id: '2' })], [jobOf()]);
  expect(shown()).toEqual([]);
});

it('one that the user closed does not come again', async () => {
  const { tell } = await setUp();
  await tell(jobOf());
  Notification.manager.dismiss();
  await tell(jobOf({ files_done: 15 }));
  expect(shown()).toEqual([]);
});

it('one of a job that was cleared before its end was seen goes with it', async () => {
  const { tell } = await setUp();
  await tell(jobOf(), jobOf({ id: '2' }));
  await tell(jobOf({ id: '2' }));
  expect(shown()).toHaveLength(1);
});

it('there is none where the user does not want any', async () => {
  const { tell, notifications } = await setUp();
  notifications.enabled = false;
  await tell(jobOf());
  expect(shown()).toEqual([]);
});
