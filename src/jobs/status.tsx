import { ReactWidget } from '@jupyterlab/apputils';
import { ProgressBar, TextItem } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { share, sizeOf } from '../components/quantity';
import { type IJobs, isFinished } from './model';

/** How far all running jobs are together, for the status bar. */
export class JobStatus extends ReactWidget {
  constructor(
    private readonly jobs: IJobs,
    private readonly trans: TranslationBundle,
    private readonly onClick: () => void
  ) {
    super();
    this.addClass('jp-mod-highlighted');
    jobs.changed.connect(this.update, this);
  }

  /** Whether there is anything to show. */
  get isActive(): boolean {
    return this._running.length > 0;
  }

  render(): JSX.Element {
    const running = this._running;
    // What is yet to be agreed to may be larger than all the rest, and may never come.
    const agreed = running.filter(job => job.cause !== 'confirm');
    const done = agreed.reduce((sum, job) => sum + job.bytes_done, 0);
    const total = agreed.reduce((sum, job) => sum + job.bytes_total, 0);
    const percentage = 100 * share(done, total);
    const text = this.trans._n(
      'Rucio: %1 job',
      'Rucio: %1 jobs',
      running.length
    );
    return (
      <button
        type="button"
        className="jp-Rucio-status"
        aria-label={this.trans.__('%1, %2 %', text, Math.floor(percentage))}
        title={total > 0 ? sizeOf(done, total, this.trans) : undefined}
        onClick={this.onClick}
      >
        <TextItem source={text} />
        {/* JupyterLab's bar has no name for who cannot see it. */}
        <span aria-hidden="true">
          <ProgressBar percentage={percentage} />
        </span>
      </button>
    );
  }

  private get _running() {
    return (this.jobs.all ?? []).filter(job => !isFinished(job));
  }
}
