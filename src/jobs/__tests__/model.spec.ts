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
