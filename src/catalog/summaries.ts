import { type ISignal, Signal } from '@lumino/signaling';

import type { ICatalogClient } from '../client/client';
import { didText } from '../client/did';
import { type Obstacle, obstacleOf } from '../client/failure';
import type { Did, DidSummary } from '../client/generated';
import { LONGEST } from './selection';

/** DIDs in one question. Few, since the answer comes with that of the slowest of them. */
const BATCH = 6;
/** Questions on their way at one time. */
const ABREAST = 4;
/** Milliseconds that the list must rest before it asks, so that scrolling past asks nothing. */
const REST = 80;
/** Summaries kept: those of the longest range, and of as much that was in sight. */
const KEPT = 2 * LONGEST;

/** DIDs by their texts. */
type Named = ReadonlyMap<string, Did>;

/**
 * What rows show beyond their names, asked for the rows in sight, and then for those that are chosen.
 *
 * What is neither any more is not asked for, however much of it was still to come.
 */
export class Summaries {
  constructor(
    private readonly client: ICatalogClient,
    private readonly instance: string
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Why the last question was not answered. */
  get obstacle(): Obstacle | null {
    return this._obstacle;
  }

  get(did: Did): DidSummary | undefined {
    return this._known.get(didText(did));
  }

  /** These are in sight: ask for those that are not known, once the list rests. */
  want(dids: readonly Did[]): void {
    this._sight = named(dids);
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this.retry(), REST);
  }

  /** These are chosen: ask for those that are not known. */
  choose(dids: readonly Did[]): void {
    this._chosen = named(dids);
    this.retry();
  }

  /** Ask again, since files were staged or taken away. What was known is shown meanwhile. */
  renew(): void {
    this._epoch += 1;
    this._fresh.clear();
    this.retry();
  }

  /** Go on, also with what failed before. */
  retry(): void {
    this._failed.clear();
    this._failures = 0;
    this._pump();
    if (this._obstacle && this._running === 0) {
      this._obstacle = null; // what it kept from coming is not wanted any more
      this._changed.emit();
    }
  }

  dispose(): void {
    window.clearTimeout(this._timer);
    this._sight = this._chosen = new Map();
    Signal.clearData(this);
  }

  /** Ask as much at one time as may be; each failure makes that less, so that an outage is noticed soon. */
  private _pump(): void {
    while (this._running + this._failures < ABREAST) {
      const batch = this._next();
      if (batch.size === 0) {
        return;
      }
      void this._ask(batch);
    }
  }

  private _next(): Named {
    const batch = new Map<string, Did>();
    for (const dids of [this._sight, this._chosen]) {
      for (const [key, did] of dids) {
        if (batch.size === BATCH) {
          return batch;
        }
        if (this._isWanting(key)) {
          batch.set(key, did);
        }
      }
    }
    return batch;
  }

  private _isWanting(key: string): boolean {
    return !(
      this._fresh.has(key) ||
      this._asked.has(key) ||
      this._failed.has(key)
    );
  }

  private async _ask(batch: Named): Promise<void> {
    const epoch = this._epoch;
    const keys = [...batch.keys()];
    this._running += 1;
    keys.forEach(key => this._asked.add(key));
    try {
      const dids = [...batch.values()];
      const answer = await this.client.summarize(this.instance, dids);
      answer.summaries.forEach(summary => this._keep(summary));
      if (epoch === this._epoch) {
        keys.forEach(key => this._fresh.add(key));
      }
      if (this._failed.size === 0) {
        this._obstacle = null;
      }
    } catch (reason) {
      this._obstacle = obstacleOf(reason);
      keys.forEach(key => this._failed.add(key));
      this._failures += 1;
    }
    keys.forEach(key => this._asked.delete(key));
    this._running -= 1;
    this._changed.emit();
    this._pump();
  }

  private _keep(summary: DidSummary): void {
    const key = didText(summary.did);
    this._known.delete(key);
    this._known.set(key, summary);
    if (this._known.size > KEPT) {
      const [oldest] = this._known.keys();
      this._known.delete(oldest);
      this._fresh.delete(oldest);
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _known = new Map<string, DidSummary>();
  /** Those asked for since all were to be asked again. */
  private readonly _fresh = new Set<string>();
  private readonly _asked = new Set<string>();
  private readonly _failed = new Set<string>();
  private _sight: Named = new Map();
  private _chosen: Named = new Map();
  private _epoch = 0;
  private _running = 0;
  private _failures = 0;
  private _obstacle: Obstacle | null = null;
  private _timer = 0;
}

function named(dids: readonly Did[]): Named {
  return new Map(dids.map(did => [didText(did), did]));
}
