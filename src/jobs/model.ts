import { type ISignal, Signal } from '@lumino/signaling';

import type { IJobsClient, JobAsk } from '../client/client';
import { Current } from '../client/current';
import { didText } from '../client/did';
import type { IEvents } from '../client/events';
import type { Obstacle } from '../client/failure';
import type {
  ConfirmJob,
  Did,
  JobsEvent,
  JobSnapshot,
  RetryJob,
  StoreStatus
} from '../client/generated';

/** The jobs of this user, kept current by the server's events. */
export interface IJobs {
  readonly changed: ISignal<IJobs, void>;
  /** Emitted with each job that ended since the last look. */
  readonly finished: ISignal<IJobs, JobSnapshot>;
  /** Newest first; null until they were read. */
  readonly all: readonly JobSnapshot[] | null;
  readonly obstacle: Obstacle | null;
  readonly store: StoreStatus | null;
  /** The unfinished job that a DID is asked for in. */
  of(instance: string, did: Did): JobSnapshot | null;

  refresh(): Promise<void>;
  refreshStore(): Promise<void>;
  /** These reject with `Failure`. What is being started is not started once more meanwhile. */
  start(job: JobAsk): Promise<JobSnapshot>;
  confirm(id: string, part: Partial<ConfirmJob>): Promise<void>;
  change(id: string, change: 'pause' | 'resume' | 'cancel'): Promise<void>;
  retry(id: string, how?: Partial<RetryJob>): Promise<void>;
  pin(id: string, pinned: boolean): Promise<void>;
  clear(ids?: string[]): Promise<void>;
}

const FINISHED: readonly JobSnapshot['state'][] = [
  'done',
  'partial',
  'failed',
  'cancelled'
];

export function isFinished(job: JobSnapshot): boolean {
  return FINISHED.includes(job.state);
}

/** Whether it leaves the list with all others that have ended: whose files are kept is seen there. */
export function isClearable(job: JobSnapshot): boolean {
  return isFinished(job) && !job.pinned;
}

/** Whether bytes come, or will by themselves; the plan may still be growing. */
export function isUnderWay(job: JobSnapshot): boolean {
  return job.state === 'planning' || job.state === 'running';
}

/** Whether a job ended without all that it was asked for. */
export function hasFailed(job: JobSnapshot): boolean {
  return isFinished(job) && job.state !== 'done';
}

function newestFirst(jobs: readonly JobSnapshot[]): readonly JobSnapshot[] {
  return [...jobs].sort((a, b) => b.created_at - a.created_at);
}

/** The jobs after an event, which leaves out the request, since that never changes; unknown ones must be read. */
function moved(
  jobs: readonly JobSnapshot[],
  event: JobsEvent
): readonly JobSnapshot[] {
  const told = new Map(event.jobs.map(progress => [progress.id, progress]));
  return jobs
    .filter(({ id }) => !event.gone.includes(id))
    .map(job => {
      const progress = told.get(job.id);
      return progress ? { ...progress, request: job.request } : job;
    });
}

/** The change that an answer makes: the job in the place of what was known of it. */
function withJob(job: JobSnapshot) {
  return (jobs: readonly JobSnapshot[]): readonly JobSnapshot[] =>
    newestFirst([job, ...jobs.filter(({ id }) => id !== job.id)]);
}

function keyOf(instance: string, did: Did): string {
  return `${instance} ${didText(did)}`;
}

/** The unfinished jobs by what they are asked for; of several the newest. */
function unfinishedOf(
  jobs: readonly JobSnapshot[]
): ReadonlyMap<string, JobSnapshot> {
  return new Map(
    [...jobs].reverse().flatMap(job => {
      const { instance, dids } = job.request;
      return isFinished(job)
        ? []
        : dids.map(did => [keyOf(instance, did), job] as const);
    })
  );
}

/** Milliseconds between two looks while a job runs and no event was heard. */
const SILENCE = 10_000;

export class Jobs implements IJobs {
  constructor(
    private readonly client: IJobsClient,
    private readonly events: IEvents
  ) {
    events.jobs.connect(this._onEvent, this);
    events.missed.connect(this.refresh, this);
    this._current = new Current(
      async () => newestFirst((await client.jobs()).jobs),
      this._onChange
    );
    this._timer = window.setInterval(this._onSilence, SILENCE);
    void this.refresh();
  }

  readonly changed = new Signal<this, void>(this);
  readonly finished = new Signal<this, JobSnapshot>(this);

  get all(): readonly JobSnapshot[] | null {
    return this._current.value;
  }

  get obstacle(): Obstacle | null {
    return this._current.obstacle;
  }

  get store(): StoreStatus | null {
    return this._store;
  }

  of(instance: string, did: Did): JobSnapshot | null {
    this._unfinished ??= unfinishedOf(this.all ?? []);
    return this._unfinished.get(keyOf(instance, did)) ?? null;
  }

  refresh(): Promise<void> {
    return this._current.refresh();
  }

  async refreshStore(): Promise<void> {
    try {
      this._store = await this.client.store();
      this.changed.emit();
    } catch {
      // Its numbers are then those of the last time; the obstacle shows where jobs are read.
    }
  }

  start(job: JobAsk): Promise<JobSnapshot> {
    const asked = JSON.stringify(job);
    const starting =
      this._starting.get(asked) ??
      this._take(this.client.startJob(job)).finally(() =>
        this._starting.delete(asked)
      );
    this._starting.set(asked, starting);
    return starting;
  }

  async confirm(id: string, part: Partial<ConfirmJob>): Promise<void> {
    await this._take(this.client.confirmJob(id, part));
  }

  async change(
    id: string,
    change: 'pause' | 'resume' | 'cancel'
  ): Promise<void> {
    await this._take(this.client.changeJob(id, change));
  }

  async retry(id: string, how: Partial<RetryJob> = {}): Promise<void> {
    await this._take(this.client.retryJob(id, how));
  }

  async pin(id: string, pinned: boolean): Promise<void> {
    await this._take(this.client.pinJob(id, pinned));
  }

  async clear(ids?: string[]): Promise<void> {
    await this.client.clearJobs(ids ?? null);
    await this.refresh();
  }

  dispose(): void {
    window.clearInterval(this._timer);
    this.events.jobs.disconnect(this._onEvent, this);
    this.events.missed.disconnect(this.refresh, this);
    Signal.clearData(this);
  }

  private _onEvent(_: IEvents, event: JobsEvent): void {
    this._heard = Date.now();
    const known = new Set(this.all?.map(job => job.id));
    if (event.jobs.some(({ id }) => !known.has(id))) {
      void this.refresh();
    }
    this._current.change(jobs => moved(jobs, event));
  }

  private _onSilence = (): void => {
    const silent = Date.now() - this._heard >= SILENCE;
    const running = this.all?.some(job => !isFinished(job));
    if (silent && !document.hidden && (running || this.obstacle)) {
      void this.refresh();
    }
  };

  private async _take(answer: Promise<JobSnapshot>): Promise<JobSnapshot> {
    await this._current.changeLater(answer.then(withJob));
    return answer;
  }

  private _onChange = (before: readonly JobSnapshot[] | null): void => {
    this._unfinished = null;
    const ended = new Set(before?.filter(isFinished).map(({ id }) => id));
    for (const job of this.all ?? []) {
      if (before && isFinished(job) && !ended.has(job.id)) {
        this.finished.emit(job);
      }
    }
    this.changed.emit();
  };

  private readonly _current: Current<readonly JobSnapshot[]>;
  /** What is being started now. */
  private readonly _starting = new Map<string, Promise<JobSnapshot>>();
  private _store: StoreStatus | null = null;
  /** Made when it is asked for; null once it may not be true any more. */
  private _unfinished: ReadonlyMap<string, JobSnapshot> | null = null;
  private _heard = 0;
  private _timer: number;
}
