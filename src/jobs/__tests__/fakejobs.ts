import { Signal } from '@lumino/signaling';

import type { IJobsClient, JobAsk } from '../../client/client';
import type { IEvents } from '../../client/events';
import type {
  EngineEvent,
  InstancesEvent,
  JobsEvent,
  JobSnapshot,
  TransferPage
} from '../../client/generated';

/** A job half-way, with what a test wants changed. */
export function jobOf(change: Partial<JobSnapshot> = {}): JobSnapshot {
  return {
    id: '1',
    request: {
      instance: 'atlas',
      dids: [{ scope: 'user.alice', name: 'run1' }],
      rse: null,
      first: null,
      pattern: null,
      confirmed: false,
      pin: false,
      download: false,
      client: 'panel'
    },
    state: 'running',
    cause: null,
    problem: null,
    notice: null,
    files_total: 20,
    files_done: 12,
    files_here: 0,
    files_failed: 0,
    files_unreachable: 0,
    files_unverified: 0,
    bytes_total: 20_100_000,
    bytes_done: 12_500_000,
    bytes_here: 0,
    bytes_per_second: 86_000_000,
    seconds_left: 1,
    free_bytes: null,
    growing: false,
    path: null,
    created_at: 100,
    finished_at: null,
    pinned: false,
    ...change
  };
}

/** The events of a server, sent by the test. */
export class FakeEvents implements IEvents {
  readonly jobs = new Signal<this, JobsEvent>(this);
  readonly instances = new Signal<this, InstancesEvent>(this);
  readonly engine = new Signal<this, EngineEvent>(this);
  readonly missed = new Signal<this, void>(this);

  /** Tell of jobs as the server does: without their requests. */
  tell(seq: number, jobs: JobSnapshot[], gone: string[] = []): void {
    const progress = jobs.map(job => {
      const { request, ...rest } = job;
      return rest;
    });
    this.jobs.emit({ seq, jobs: progress, gone });
  }
}

/** The jobs of a server in memory. */
export class FakeJobs implements IJobsClient {
  list: JobSnapshot[] = [];
  reads = 0;
  readonly calls: string[] = [];
  page: TransferPage = { rows: [], offset: 0, total: 0 };

  async jobs() {
    this.reads += 1;
    return { jobs: this.list };
  }

  async startJob(job: JobAsk) {
    this.calls.push(`start ${job.dids.length}`);
    return jobOf({ id: 'new', created_at: 200 });
  }

  async changeJob(id: string, change: 'pause' | 'resume' | 'cancel') {
    this.calls.push(`${change} ${id}`);
    return jobOf({ id, state: 'paused' });
  }

  confirmJob = async (id: string) => jobOf({ id });
  retryJob = async (id: string) => jobOf({ id });
  pinJob = async (id: string, pinned: boolean) => jobOf({ id, pinned });
  clearJobs = async () => undefined;
  transfers = async () => this.page;
  store = () => Promise.reject(new Error('not asked'));
  evict = () => Promise.reject(new Error('not asked'));
}
