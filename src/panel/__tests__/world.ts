import { FakeAccounts } from '../../accounts/__tests__/fakeaccounts';
import { FakeCatalog, rowOf } from '../../catalog/__tests__/fakecatalog';
import type { IClient, JobAsk } from '../../client/client';
import { Failure } from '../../client/failure';
import type { JobSnapshot } from '../../client/generated';
import { FakeEvents, FakeJobs } from '../../jobs/__tests__/fakejobs';
import { jobOf } from '../../jobs/__tests__/job';
import { isFinished } from '../../jobs/model';

/** Numbers from 0 up to before 1 as if by chance, but the same each time. */
export function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Milliseconds that a question or its answer takes at most; most take far less. */
const SLOWEST = 3000;

/** A server with two instances, of which questions take long by chance and fail at times, and whose jobs move on. */
export class World {
  constructor(private readonly chance: () => number) {
    const rows = Array.from({ length: 500 }, (_, at) => rowOf(`run${at}`));
    const catalog = new FakeCatalog();
    catalog.rows = { '*': rows, run1: [rowOf('a', 'file')] };
    const table = { rses: [], pfns: [], rules: [], values: {} };
    const parts: object[] = [
      {
        engine: async () => ({ state: 'up', problem: null, engine: null }),
        environment: async () => ({ cell_templates: {} }),
        replicas: async () => table,
        metadata: async () => table,
        rules: async () => table,
        store: async () => ({ free_bytes: 1e9, used_bytes: 0, quota_bytes: 1 })
      },
      this._jobs(),
      catalog,
      new FakeJobs(),
      new FakeAccounts()
    ];
    this.client = new Proxy({} as IClient, {
      get:
        (_, name: string) =>
        (...args: unknown[]) =>
          this._answer(parts, name, args)
    });
  }

  readonly client: IClient;
  readonly events = new FakeEvents();
  /** Whether questions that are put now are refused. */
  failing = false;
  questions = 0;
  jobs: readonly JobSnapshot[] = [];
  /** What was to be started while it was already. */
  readonly startedTwice: string[] = [];

  /** Move one of the unfinished jobs on, or end it. */
  advance(): void {
    const open = this.jobs.filter(job => !isFinished(job));
    if (open.length > 0) {
      const job = open[Math.floor(this.chance() * open.length)];
      const state = this.chance() < 0.5 ? 'done' : 'running';
      this._put({ ...job, state, bytes_done: job.bytes_done + 1000 });
    }
  }

  /** Have all jobs done. */
  end(): void {
    for (const job of this.jobs.filter(each => !isFinished(each))) {
      this._put({ ...job, state: 'done' });
    }
  }

  private _jobs(): Partial<IClient> {
    const find = (id: string) =>
      this.jobs.find(job => job.id === id) ?? jobOf();
    return {
      jobs: async () => ({ jobs: [...this.jobs] }),
      startJob: async ({ instance, dids }: JobAsk) => {
        this._number += 1;
        const request = { ...jobOf().request, instance, dids };
        const id = `${this._number}`;
        return this._put(jobOf({ id, request, created_at: this._number }));
      },
      changeJob: async (id, change) => {
        const state = (
          { pause: 'paused', resume: 'running', cancel: 'cancelled' } as const
        )[change];
        return this._put(
          isFinished(find(id)) ? find(id) : { ...find(id), state }
        );
      },
      retryJob: async id => this._put({ ...find(id), state: 'running' }),
      clearJobs: async () => {
        const gone = this.jobs.filter(isFinished).map(({ id }) => id);
        this.jobs = this.jobs.filter(job => !isFinished(job));
        this._tell([], gone);
      }
    };
  }

  private async _answer(
    parts: readonly object[],
    name: string,
    args: unknown[]
  ): Promise<unknown> {
    this.questions += 1;
    const { failing } = this;
    const asked = name + JSON.stringify(args);
    if (name === 'startJob' && this._open.includes(asked)) {
      this.startedTwice.push(asked);
    }
    this._open.push(asked);
    await this._pause();
    try {
      if (failing) {
        throw new Failure({ type: 'internal', detail: 'Away.', do: 'retry' });
      }
      const part = parts.find(each => name in each) as Record<
        string,
        (...given: unknown[]) => Promise<unknown>
      >;
      return await part[name](...args);
    } finally {
      await this._pause(); // in which the answer grows old
      this._open.splice(this._open.indexOf(asked), 1);
    }
  }

  private _pause(): Promise<void> {
    const pause = this.chance() ** 4 * SLOWEST;
    return new Promise(resolve => window.setTimeout(resolve, pause));
  }

  private _put(job: JobSnapshot): JobSnapshot {
    this.jobs = [job, ...this.jobs.filter(({ id }) => id !== job.id)];
    this._tell([job]);
    return job;
  }

  private _tell(jobs: JobSnapshot[], gone: string[] = []): void {
    this._told += 1;
    this.events.tell(this._told, jobs, gone);
  }

  /** Questions that are on their way. */
  private readonly _open: string[] = [];
  private _number = 0;
  private _told = 0;
}
