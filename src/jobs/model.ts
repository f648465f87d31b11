import { type ISignal, Signal } from '@lumino/signaling';

import type { IJobsClient, JobAsk } from '../client/client';
import type { IEvents } from '../client/events';
import { type Obstacle, obstacleOf } from '../client/failure';
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
  /** These reject with `Failure`. */
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

/** Whether bytes come, or will by themselves; the plan may still be growing. */
export function isUnderWay(job: JobSnapshot): boolean {
  return job.state === 'planning' || job.state === 'running';
}

/** Whether a job ended without all that it was asked for. */
export function hasFailed(job: JobSnapshot): boolean {
  return isFinished(job) && job.state !== 'done';
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
    this._timer = window.setInterval(this._onSilence, SILENCE);
    void this.refresh();
  }

  readonly changed = new Signal<this, void>(this);
  readonly finished = new Signal<this, JobSnapshot>(this);

  get all(): readonly JobSnapshot[] | null {
    return this._jobs;
  }

  get obstacle(): Obstacle | null {
    return this._obstacle;
  }

  get store(): StoreStatus | null {
    return this._store;
  }

  of(instance: string, did: Did): JobSnapshot | null {
    return (
      this._jobs?.find(
        job =>
          !isFinished(job) &&
          job.request.instance === instance &&
          job.request.dids.some(
            ({ scope, name }) => scope === did.scope && name === did.name
          )
      ) ?? null
    );
  }

  async refresh(): Promise<void> {
    const question = (this._asked += 1);
    const isOld = () => question < this._answered; // a later one was answered first
    try {
      const { jobs } = await this.client.jobs();
      if (!isOld()) {
        this._answered = question;
        this._obstacle = null;
        this._replace(jobs);
      }
    } catch (reason) {
      if (!isOld()) {
        this._obstacle = obstacleOf(reason);
        this.changed.emit();
      }
    }
  }

  async refreshStore(): Promise<void> {
    try {
      this._store = await this.client.store();
      this.changed.emit();
    } catch {
      // Its numbers are then those of the last time; the obstacle shows where jobs are read.
    }
  }

  async start(job: JobAsk): Promise<JobSnapshot> {
    const started = await this.client.startJob(job);
    this._put(started);
    return started;
  }

  async confirm(id: string, part: Partial<ConfirmJob>): Promise<void> {
    this._put(await this.client.confirmJob(id, part));
  }

  async change(
    id: string,
    change: 'pause' | 'resume' | 'cancel'
  ): Promise<void> {
    this._put(await this.client.changeJob(id, change));
  }

  async retry(id: string, how: Partial<RetryJob> = {}): Promise<void> {
    this._put(await this.client.retryJob(id, how));
  }

  async pin(id: string, pinned: boolean): Promise<void> {
    this._put(await this.client.pinJob(id, pinned));
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

  /** An event leaves out the request, which never changes; an unknown job must be read. */
  private _onEvent(_: IEvents, event: JobsEvent): void {
    this._heard = Date.now();
    if (!this._jobs) {
      void this.refresh(); // what is on its way may be older than this event
      return;
    }
    const known = new Map(this._jobs.map(job => [job.id, job]));
    event.gone.forEach(id => known.delete(id));
    let unknown = false;
    for (const progress of event.jobs) {
      const job = known.get(progress.id);
      if (job) {
        known.set(progress.id, { ...progress, request: job.request });
      } else {
        unknown = true;
      }
    }
    this._replace([...known.values()]);
    if (unknown) {
      void this.refresh();
    }
  }

  private _onSilence = (): void => {
    const silent = Date.now() - this._heard >= SILENCE;
    const running = this._jobs?.some(job => !isFinished(job));
    if (silent && !document.hidden && (running || this._obstacle)) {
      void this.refresh();
    }
  };

  private _put(job: JobSnapshot): void {
    if (!this._jobs) {
      void this.refresh(); // one job is not all of them
      return;
    }
    const others = this._jobs.filter(({ id }) => id !== job.id);
    this._replace([job, ...others]);
  }

  private _replace(jobs: readonly JobSnapshot[]): void {
    const before = new Map((this._jobs ?? []).map(job => [job.id, job]));
    this._jobs = [...jobs].sort((a, b) => b.created_at - a.created_at);
    for (const job of this._jobs) {
      const last = before.get(job.id);
      if (last && !isFinished(last) && isFinished(job)) {
        this.finished.emit(job);
      }
    }
    this.changed.emit();
  }

  private _jobs: readonly JobSnapshot[] | null = null;
  private _obstacle: Obstacle | null = null;
  private _store: StoreStatus | null = null;
  private _heard = 0;
  /** The last question for all jobs, and the last that was answered. */
  private _asked = 0;
  private _answered = 0;
  private _timer: number;
}
