import { PromiseDelegate } from '@lumino/coreutils';

import { settled } from '../../catalog/__tests__/fakecatalog';
import type { JobSnapshot } from '../../client/generated';
import { Jobs } from '../model';
import { FakeEvents, FakeJobs } from './fakejobs';
import { jobOf } from './job';

async function setUp(list: JobSnapshot[] = [jobOf()]) {
  const client = new FakeJobs();
  client.list = list;
  const events = new FakeEvents();
  const jobs = new Jobs(client, events);
  await settled();
  const finished: string[] = [];
  jobs.finished.connect((_, job) => {
    finished.push(job.id);
  });
  return { client, events, jobs, finished };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('reads the jobs once, and then follows the events', async () => {
  const { client, events, jobs } = await setUp();
  events.tell(1, [jobOf({ bytes_done: 20_000_000 })]);
  expect(jobs.all?.[0].bytes_done).toBe(20_000_000);
  expect(jobs.all?.[0].request.instance).toBe('atlas');
  expect(client.reads).toBe(1);
});

it('reads again when an event speaks of an unknown job', async () => {
  const { client, events, jobs } = await setUp();
  client.list = [jobOf(), jobOf({ id: '2', created_at: 300 })];
  events.tell(1, [jobOf({ id: '2' })]);
  await settled();
  expect(jobs.all?.map(({ id }) => id)).toEqual(['2', '1']);
});

describe('before the jobs were read', () => {
  /** Jobs whose reading is answered by the test: each answer by the number of its question. */
  function asking() {
    const client = new FakeJobs();
    const answers: ((...jobs: JobSnapshot[]) => Promise<void>)[] = [];
    client.jobs = () =>
      new Promise(resolve => {
        answers.push((...jobs) => {
          resolve({ jobs });
          return settled();
        });
      });
    const events = new FakeEvents();
    return { answers, events, jobs: new Jobs(client, events) };
  }
  const states = (jobs: Jobs) => jobs.all?.map(({ state }) => state);

  it('an event or a new job does not make a list of its own', async () => {
    const { answers, events, jobs } = asking();
    events.tell(1, [jobOf()]);
    await jobs.start({ instance: 'atlas', dids: [] });
    expect(jobs.all).toBeNull();
    await answers[0](jobOf({ id: '2' }));
    expect(jobs.all).toHaveLength(2);
  });

  it('an event that overtakes the first answer is not lost', async () => {
    const { answers, events, jobs } = asking();
    events.tell(1, [jobOf({ state: 'done' })]);
    await answers[0](jobOf());
    expect(states(jobs)).toEqual(['done']);
  });

  it('an answer that another has overtaken is not taken', async () => {
    const { answers, events, jobs } = asking();
    events.tell(1, [jobOf({ state: 'done' })]);
    await answers[1](jobOf({ state: 'done' }));
    await answers[0](jobOf());
    expect(states(jobs)).toEqual(['done']);
  });
});

it('what happens while the jobs are read anew outlives an older answer', async () => {
  const { client, events, jobs, finished } = await setUp();
  let answer: () => void = () => undefined;
  client.jobs = () =>
    new Promise(resolve => {
      answer = () => resolve({ jobs: [jobOf()] });
    });
  const reading = jobs.refresh();
  events.tell(1, [jobOf({ state: 'done' })]);
  await jobs.start({ instance: 'atlas', dids: [] });
  answer();
  await reading;
  expect(jobs.all?.map(({ id, state }) => [id, state])).toEqual([
    ['new', 'running'],
    ['1', 'done']
  ]);
  expect(finished).toEqual(['1']);
});

it('a job that is gone while the jobs are read anew does not come back', async () => {
  const { client, events, jobs } = await setUp();
  const answer = new PromiseDelegate<{ jobs: JobSnapshot[] }>();
  client.jobs = () => answer.promise;
  const reading = jobs.refresh();
  events.tell(1, [], ['1']);
  answer.resolve({ jobs: [jobOf()] });
  await reading;
  expect(jobs.all).toEqual([]);
});

it('a first reading that failed is made up for once, however much is told', async () => {
  const client = new FakeJobs();
  const read = client.jobs.bind(client);
  client.jobs = () => Promise.reject(new Error('gone'));
  const events = new FakeEvents();
  const jobs = new Jobs(client, events);
  await settled();
  expect(jobs.obstacle?.detail).toBe('gone');
  client.list = [jobOf()];
  client.jobs = read;
  events.tell(1, [jobOf({ state: 'done' })]);
  await settled();
  expect(client.reads).toBe(1);
  expect(jobs.all?.map(({ state }) => state)).toEqual(['done']);
});

describe('an action whose answer events overtake', () => {
  it('a new job that has ended stays so, and is told of once', async () => {
    const { client, events, jobs, finished } = await setUp();
    const answer = new PromiseDelegate<JobSnapshot>();
    client.startJob = () => answer.promise;
    const started = jobs.start({ instance: 'atlas', dids: [] });
    const done = jobOf({ id: 'new', state: 'done', created_at: 200 });
    client.list = [done, jobOf()];
    events.tell(1, [done]);
    answer.resolve({ ...done, state: 'planning' });
    await started;
    await settled();
    await jobs.refresh();
    expect(jobs.all?.map(({ state }) => state)).toEqual(['done', 'running']);
    expect(finished).toEqual(['new']);
  });

  it('a job that is tried again ends once', async () => {
    const { client, events, jobs, finished } = await setUp([
      jobOf({ state: 'failed' })
    ]);
    const answer = new PromiseDelegate<JobSnapshot>();
    client.retryJob = () => answer.promise;
    const retried = jobs.retry('1');
    events.tell(1, [jobOf({ state: 'running' })]);
    events.tell(2, [jobOf({ state: 'done' })]);
    answer.resolve(jobOf({ state: 'planning' }));
    await retried;
    expect(jobs.all?.[0].state).toBe('done');
    expect(finished).toEqual(['1']);
  });

  it('what is refused changes nothing', async () => {
    const { client, jobs } = await setUp();
    client.retryJob = () => Promise.reject(new Error('no'));
    await expect(jobs.retry('1')).rejects.toThrow('no');
    expect(jobs.all).toEqual([jobOf()]);
  });
});

it('reads again when events were missed', async () => {
  const { client, events } = await setUp();
  events.missed.emit();
  expect(client.reads).toBe(2);
});

it('forgets jobs that were cleared', async () => {
  const { events, jobs } = await setUp();
  events.tell(1, [], ['1']);
  expect(jobs.all).toEqual([]);
});

it('tells the end of a job once', async () => {
  const { events, finished } = await setUp();
  events.tell(1, [jobOf({ state: 'done' })]);
  events.tell(2, [jobOf({ state: 'done' })]);
  expect(finished).toEqual(['1']);
});

it('does not tell of jobs that had ended before', async () => {
  const { finished, events } = await setUp([jobOf({ state: 'done' })]);
  events.tell(1, [jobOf({ state: 'done' })]);
  expect(finished).toEqual([]);
});

it('finds the unfinished job of a DID, at its instance alone', async () => {
  const { jobs } = await setUp();
  const did = { scope: 'user.alice', name: 'run1' };
  expect(jobs.of('atlas', did)?.id).toBe('1');
  expect(jobs.of('escape', did)).toBeNull();
});

it('of several jobs of a DID the newest unfinished one is found', async () => {
  const { events, jobs } = await setUp([
    jobOf({ id: '3', created_at: 300, state: 'done' }),
    jobOf({ id: '2', created_at: 200 }),
    jobOf()
  ]);
  const did = { scope: 'user.alice', name: 'run1' };
  expect(jobs.of('atlas', did)?.id).toBe('2');
  events.tell(1, [jobOf({ id: '2', created_at: 200, state: 'cancelled' })]);
  expect(jobs.of('atlas', did)?.id).toBe('1');
});

it('the DIDs of a job are gone through once, however many rows ask for theirs', async () => {
  const job = jobOf();
  const { dids } = job.request;
  let looks = 0;
  Object.defineProperty(job.request, 'dids', {
    get: () => {
      looks += 1;
      return dids;
    }
  });
  const { jobs } = await setUp([job]);
  for (let row = 0; row < 100; row += 1) {
    jobs.of('atlas', { scope: 'user.alice', name: `run${row}` });
  }
  expect(looks).toBe(1);
});

it('starts once what is asked for again while it is being started', async () => {
  const { client, jobs } = await setUp();
  const asked = { instance: 'atlas', dids: [jobOf().request.dids[0]] };
  await Promise.all([jobs.start(asked), jobs.start({ ...asked })]);
  expect(client.calls).toEqual(['start 1']);
  await jobs.start(asked);
  expect(client.calls).toEqual(['start 1', 'start 1']);
});

it('looks by itself while a job runs in silence', async () => {
  const { client } = await setUp();
  await jest.advanceTimersByTimeAsync(21_000);
  expect(client.reads).toBe(3);
});

it('asks nothing while no job runs', async () => {
  const { client } = await setUp([jobOf({ state: 'done' })]);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(client.reads).toBe(1);
});

it('keeps what it knows while the server is away, and says why', async () => {
  const { client, jobs } = await setUp();
  client.jobs = () => Promise.reject(new Error('gone'));
  await jobs.refresh();
  expect([jobs.all?.length, jobs.obstacle?.detail]).toEqual([1, 'gone']);
});
