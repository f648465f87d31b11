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
import { jobOf } from './job';

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
