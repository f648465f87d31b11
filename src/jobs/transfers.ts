import { type ISignal, Signal } from '@lumino/signaling';

import type { IJobsClient } from '../client/client';
import { type Obstacle, obstacleOf } from '../client/failure';
import type { TransferRow } from '../client/generated';

const PAGE = 100;

/** Which files of a job are shown. */
export type TransferFilter = 'all' | 'failed';

/** The files of one job, read page by page as they come into sight; the first `renew` reads the first ones. */
export class Transfers {
  constructor(
    private readonly client: IJobsClient,
    private readonly job: string,
    readonly filter: TransferFilter
  ) {}

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

  /** Ask for the rows from `first` up to before `end`, where they are not here as they are now. */
  ensure(first: number, end: number): void {
    this._sight = [first, end];
    for (let at = Math.floor(first / PAGE) * PAGE; at < end; at += PAGE) {
      if (!this._fresh.has(at)) {
        void this._read(at);
      }
    }
  }

  /** The job has moved on: read what is in sight again, and the rest when it comes into sight. */
  renew(): void {
    this._fresh.clear();
    this.ensure(...this._sight);
  }

  dispose(): void {
    Signal.clearData(this);
  }

  private async _read(offset: number): Promise<void> {
    if (this._asked.has(offset)) {
      return;
    }
    this._asked.add(offset);
    this._fresh.add(offset);
    try {
      const state = this.filter === 'failed' ? 'failed' : null;
      const page = await this.client.transfers(this.job, offset, PAGE, state);
      page.rows.forEach((row, index) => this._rows.set(offset + index, row));
      this._total = page.total;
      this._ready = true;
      this._obstacle = null;
    } catch (reason) {
      this._fresh.delete(offset);
      this._obstacle = obstacleOf(reason);
      return;
    } finally {
      this._asked.delete(offset);
      this._changed.emit();
    }
    if (!this._fresh.has(offset)) {
      this.ensure(...this._sight); // it has moved on while this answer was on its way
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _rows = new Map<number, TransferRow>();
  private readonly _asked = new Set<number>();
  /** The pages that were asked for since the job last moved on. */
  private readonly _fresh = new Set<number>();
  private _sight: [number, number] = [0, PAGE];
  private _total = 0;
  private _ready = false;
  private _obstacle: Obstacle | null = null;
}
