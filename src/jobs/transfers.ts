import { type ISignal, Signal } from '@lumino/signaling';

import type { IJobsClient } from '../client/client';
import { type Obstacle, obstacleOf } from '../client/failure';
import type { TransferRow } from '../client/generated';

const PAGE = 100;

/** Which files of a job are shown. */
export type TransferFilter = 'all' | 'failed';

/** The files of one job, read page by page as they come into sight. */
export class Transfers {
  constructor(
    private readonly client: IJobsClient,
    private readonly job: string,
    readonly filter: TransferFilter
  ) {
    this.ensure(0, PAGE);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get length(): number {
    return this._total;
  }

  /** Whether the first page has come. */
  get ready(): boolean {
    return this._ready;
  }

  get obstacle(): Obstacle | null {
    return this._obstacle;
  }

  row(index: number): TransferRow | undefined {
    return this._rows.get(index);
  }

  /** Ask for the rows from `first` up to before `end`, where they are not here. */
  ensure(first: number, end: number): void {
    this._sight = [first, end];
    for (let at = first; at < end; at += 1) {
      if (!this._rows.has(at) && (at < this._total || !this._ready)) {
        void this._read(Math.floor(at / PAGE) * PAGE);
        at = (Math.floor(at / PAGE) + 1) * PAGE - 1;
      }
    }
  }

  /** Read what is in sight again: the job has moved on. */
  renew(): void {
    const [first, end] = this._sight;
    for (let at = Math.floor(first / PAGE) * PAGE; at < end; at += PAGE) {
      void this._read(at);
    }
  }

  dispose(): void {
    Signal.clearData(this);
  }

  private async _read(offset: number): Promise<void> {
    if (this._asked.has(offset)) {
      return;
    }
    this._asked.add(offset);
    try {
      const state = this.filter === 'failed' ? 'failed' : null;
      const page = await this.client.transfers(this.job, offset, PAGE, state);
      page.rows.forEach((row, index) => this._rows.set(offset + index, row));
      this._total = page.total;
      this._ready = true;
      this._obstacle = null;
    } catch (reason) {
      this._obstacle = obstacleOf(reason);
    } finally {
      this._asked.delete(offset);
    }
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _rows = new Map<number, TransferRow>();
  private readonly _asked = new Set<number>();
  private _sight: [number, number] = [0, PAGE];
  private _total = 0;
  private _ready = false;
  private _obstacle: Obstacle | null = null;
}
