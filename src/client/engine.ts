import { type ISignal, Signal } from '@lumino/signaling';

import type { IServerClient } from './client';
import type { IEvents } from './events';
import { type Obstacle, obstacleOf } from './failure';
import type { EngineEvent, Environment } from './generated';

/** The way to the engine, and what stays the same while the Jupyter server runs. */
export interface IEngine {
  readonly changed: ISignal<IEngine, void>;
  /** Emitted when an obstacle is gone: what was asked in the meantime must be asked again. */
  readonly recovered: ISignal<IEngine, void>;
  /** Null while the engine answers; `engine-down` or `offline` otherwise. */
  readonly obstacle: Obstacle | null;
  /** Null until the server has told it. */
  readonly environment: Environment | null;
  /** Ask again; where the engine was given up, start it. */
  retry(): Promise<void>;
}

type Standing = Pick<EngineEvent, 'state' | 'problem'>;

/** Milliseconds between two looks for a server that does not answer. */
const PAUSE = 5000;

export class Engine implements IEngine {
  constructor(
    private readonly client: IServerClient,
    events: IEvents
  ) {
    events.engine.connect(this._onEvent, this);
    events.missed.connect(this._refresh, this);
    void this._refresh();
  }

  readonly changed = new Signal<this, void>(this);
  readonly recovered = new Signal<this, void>(this);

  get obstacle(): Obstacle | null {
    return this._obstacle;
  }

  get environment(): Environment | null {
    return this._environment;
  }

  async retry(): Promise<void> {
    if (this._obstacle?.type === 'engine-down') {
      await this._settle(this.client.retryEngine());
    } else {
      await this._refresh();
    }
  }

  /** A question was not answered: look whether the server is there, unless that is known or asked already. */
  look(): void {
    if (!this._obstacle && this._told === this._asked) {
      void this._refresh();
    }
  }

  private async _refresh(): Promise<void> {
    await this._settle(this.client.engine());
  }

  /** A tab that nobody sees leaves the server alone; when it is seen again events were missed. */
  private _onPause = (): void => {
    if (!document.hidden) {
      void this._refresh();
    }
  };

  private async _settle(asked: Promise<Standing>): Promise<void> {
    const question = (this._asked += 1);
    const obstacle = await this._obstacleIn(asked);
    if (question > this._told) {
      this._told = question;
      this._set(obstacle);
    }
  }

  private async _obstacleIn(
    asked: Promise<Standing>
  ): Promise<Obstacle | null> {
    try {
      const standing = await asked;
      this._environment ??= await this.client.environment();
      return obstacleTold(standing);
    } catch (reason) {
      return obstacleOf(reason);
    }
  }

  private _onEvent(_: IEvents, event: EngineEvent): void {
    this._told = this._asked; // answers that are on their way are older
    this._set(obstacleTold(event));
  }

  private _set(obstacle: Obstacle | null): void {
    const recovered = this._obstacle !== null && obstacle === null;
    this._obstacle = obstacle;
    window.clearTimeout(this._timer);
    // A server that went away comes back unannounced; an engine that was given up does not.
    if (obstacle && obstacle.type !== 'engine-down') {
      this._timer = window.setTimeout(this._onPause, PAUSE);
    }
    this.changed.emit();
    if (recovered) {
      this.recovered.emit();
    }
  }

  private _obstacle: Obstacle | null = null;
  private _environment: Environment | null = null;
  private _timer = 0;
  private _asked = 0;
  /** The last question whose answer is known, or was overtaken by an event. */
  private _told = 0;
}

/** While it is being started there is nothing to tell: questions wait for it. */
function obstacleTold({ state, problem }: Standing): Obstacle | null {
  return state === 'down' ? problem : null;
}
