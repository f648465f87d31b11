import type { Event, ServiceManager } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { EngineEvent, InstancesEvent, JobsEvent } from './generated';

/** What the server tells without being asked. */
export interface IEvents {
  readonly jobs: ISignal<IEvents, JobsEvent>;
  readonly instances: ISignal<IEvents, InstancesEvent>;
  readonly engine: ISignal<IEvents, EngineEvent>;
  /** Events may have been missed: what was read by REST must be read again. */
  readonly missed: ISignal<IEvents, void>;
}

const JOBS = 'urn:rucio-jupyterlab:jobs:v1';
const INSTANCES = 'urn:rucio-jupyterlab:instances:v1';
const ENGINE = 'urn:rucio-jupyterlab:engine:v1';

/**
 * Our events of Jupyter's event bus.
 *
 * Events are hints and REST is the truth. The browser's connection stands by while the tab
 * is hidden and is rebuilt after a drop, so a gap in the numbers, a lost connection and a
 * tab that is seen again all count as missed.
 */
export class Events implements IEvents, IDisposable {
  constructor(services: ServiceManager.IManager) {
    this._services = services;
    services.events.stream.connect(this._onEmission, this);
    services.connectionFailure.connect(this._onFailure, this);
    document.addEventListener('visibilitychange', this._onVisibility);
  }

  readonly jobs = new Signal<this, JobsEvent>(this);
  readonly instances = new Signal<this, InstancesEvent>(this);
  readonly engine = new Signal<this, EngineEvent>(this);
  readonly missed = new Signal<this, void>(this);

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._services.events.stream.disconnect(this._onEmission, this);
    this._services.connectionFailure.disconnect(this._onFailure, this);
    document.removeEventListener('visibilitychange', this._onVisibility);
    Signal.clearData(this);
  }

  private _onEmission(_: Event.IManager, emission: Event.Emission): void {
    switch (emission.schema_id) {
      case JOBS:
        return this._pass(this.jobs, emission as unknown as JobsEvent);
      case INSTANCES:
        return this._pass(
          this.instances,
          emission as unknown as InstancesEvent
        );
      case ENGINE:
        return this._pass(this.engine, emission as unknown as EngineEvent);
    }
  }

  private _pass<T extends { seq: number }>(
    signal: Signal<this, T>,
    event: T
  ): void {
    const last = this._last.get(signal);
    this._last.set(signal, event.seq);
    signal.emit(event);
    if (last !== undefined && event.seq !== last + 1) {
      this.missed.emit();
    }
  }

  private _onFailure(): void {
    this.missed.emit();
  }

  private _onVisibility = (): void => {
    if (!document.hidden) {
      this.missed.emit();
    }
  };

  private readonly _services: ServiceManager.IManager;
  private readonly _last = new Map<unknown, number>();
  private _isDisposed = false;
}
