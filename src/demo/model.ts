import { type ISignal, Signal } from '@lumino/signaling';

import type { IDemoClient } from '../client/client';
import { type Obstacle, obstacleOf } from '../client/failure';
import type { DemoStatus } from '../client/generated';

/** Milliseconds between two looks while it starts. */
const LOOK = 700;

/** The demo beside this server: a real Rucio with data, started and ended from here. */
export class Demo {
  constructor(private readonly client: IDemoClient) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted once it is up, with what to show of it. */
  get started(): ISignal<this, DemoStatus> {
    return this._started;
  }

  /** Null until it was asked for. */
  get status(): DemoStatus | null {
    return this._status;
  }

  /** Why it cannot be asked for, started or ended. */
  get obstacle(): Obstacle | null {
    return this._obstacle;
  }

  refresh(): Promise<void> {
    return this._take(this.client.demo());
  }

  start(): Promise<void> {
    return this._take(this.client.startDemo());
  }

  stop(): Promise<void> {
    return this._take(this.client.stopDemo());
  }

  /** Take what is told, and look again while it is on its way. */
  private async _take(asked: Promise<DemoStatus>): Promise<void> {
    window.clearTimeout(this._timer);
    const before = this._status?.state;
    try {
      this._status = await asked;
      this._obstacle = null;
    } catch (reason) {
      this._obstacle = obstacleOf(reason);
    }
    if (this._status?.state === 'starting') {
      this._timer = window.setTimeout(() => void this.refresh(), LOOK);
    }
    this._changed.emit();
    if (this._status?.state === 'up' && before === 'starting') {
      this._started.emit(this._status);
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _started = new Signal<this, DemoStatus>(this);
  private _status: DemoStatus | null = null;
  private _obstacle: Obstacle | null = null;
  private _timer = 0;
}
