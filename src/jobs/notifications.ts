import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import type { JobSnapshot } from '../client/generated';
import { elide, elidedText } from '../components/elide';
import { share } from '../components/quantity';
import { CommandIDs } from '../tokens';
import { type IJobs, isFinished, isUnderWay } from './model';
import { outcome, progressFacts, shortName, stateWord } from './words';

/** Milliseconds that the notification of a job that ended well stays. */
const STAY = 8000;
/** Characters of a name; a notification cuts what is long. */
const LONGEST = 56;

/** One notification a job, from its start to its end. Jobs that were here before get none. */
export class Notifications {
  constructor(
    private readonly jobs: IJobs,
    private readonly commands: CommandRegistry,
    private readonly trans: TranslationBundle
  ) {
    jobs.changed.connect(this._onChanged, this);
  }

  /** Whether jobs that begin from now on are notified of. */
  enabled = true;

  private _onChanged(): void {
    const jobs = this.jobs.all;
    if (!jobs) {
      return;
    }
    if (!this._seen) {
      this._seen = new Set(jobs.map(({ id }) => id));
      return;
    }
    for (const job of jobs) {
      if (!this._seen.has(job.id)) {
        this._seen.add(job.id);
        this._begin(job);
      }
      this._update(job);
    }
    this._forget(jobs);
  }

  private _begin(job: JobSnapshot): void {
    if (this.enabled) {
      const id = Notification.emit(this._text(job), 'in-progress', {
        autoClose: false,
        progress: 0,
        actions: [
          {
            label: this.trans.__('Show'),
            callback: () => void this.commands.execute(CommandIDs.showJobs)
          }
        ]
      });
      this._shown.set(job.id, id);
    }
  }

  private _update(job: JobSnapshot): void {
    const id = this._shown.get(job.id);
    if (id === undefined || !Notification.manager.has(id)) {
      this._shown.delete(job.id); // the user has closed it
      return;
    }
    const message = this._text(job);
    if (!isFinished(job)) {
      const progress = share(job.bytes_done, job.bytes_total);
      Notification.update({ id, message, progress, type: 'in-progress' });
      return;
    }
    this._shown.delete(job.id);
    if (job.state === 'cancelled') {
      Notification.dismiss(id);
      return;
    }
    const good = job.state === 'done';
    Notification.update({
      id,
      message,
      type: good ? 'success' : 'warning',
      autoClose: good ? STAY : false
    });
  }

  /** A job may be taken off the list before its end was seen. */
  private _forget(jobs: readonly JobSnapshot[]): void {
    const known = new Set(jobs.map(({ id }) => id));
    for (const [job, id] of this._shown) {
      if (!known.has(job)) {
        this._shown.delete(job);
        Notification.dismiss(id);
      }
    }
  }

  private _text(job: JobSnapshot): string {
    const name = elidedText(elide(shortName(job, this.trans), LONGEST));
    const how =
      job.state === 'done'
        ? outcome(job, this.trans).join(' · ')
        : job.bytes_total > 0 && isUnderWay(job)
          ? progressFacts(job, this.trans).join(' · ')
          : stateWord(job, this.trans);
    return `${name}\n${how}`;
  }

  private readonly _shown = new Map<string, string>();
  private _seen: Set<string> | null = null;
}
