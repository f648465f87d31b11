import { type ISignal, Signal } from '@lumino/signaling';

import type { ICatalogClient } from '../client/client';
import { type Obstacle, obstacleOf } from '../client/failure';
import type { Did, DidSummary } from '../client/generated';
import { didText } from './did';
import { LONGEST } from './selection';

/** DIDs in one question. Few, since the answer comes with that of the slowest of them. */
const BATCH = 6;
/** Questions on their way at one time. */
const ABREAST = 4;
/** Milliseconds that the list must rest before it asks, so that scrolling past asks nothing. */
const REST = 80;
/** Summaries kept: those of the longest range, and of as much that was in sight. */
const KEPT = 2 * LONGEST;

/** What rows show beyond their names, asked for the rows in sight alone. */
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
    this._sight = dids;
    window.clearTimeout(this._timer);
    if (dids.some(did => !this._known.has(didText(did)))) {
      this._timer = window.setTimeout(() => void this._fetch(), REST);
    }
  }

  /** Ask again for all in sight and for these, and forget the others, since files were staged or taken away. */
  renew(dids: readonly Did[]): void {
    const shown = new Map(
      [...this._sight, ...dids].map(did => [didText(did), did])
    );
    for (const key of this._known.keys()) {
      if (!shown.has(key)) {
        this._known.delete(key);
      }
    }
    void this._ask([...shown.values()]);
  }

  /** The summaries of all these; rejects with `Failure`. */
  async load(dids: readonly Did[]): Promise<DidSummary[]> {
    await this._ask(dids.filter(did => !this._known.has(didText(did))));
    return dids.flatMap(did => this.get(did) ?? []);
  }

  dispose(): void {
    window.clearTimeout(this._timer);
    Signal.clearData(this);
  }

  private _fetch(): Promise<void> {
    return this._ask(
      this._sight.filter(
        did => !this._known.has(didText(did)) && !this._asked.has(didText(did))
      )
    );
  }

  private async _ask(dids: readonly Did[]): Promise<void> {
    const batches: Did[][] = [];
    for (let from = 0; from < dids.length; from += BATCH) {
      batches.push(dids.slice(from, from + BATCH));
    }
    const work = async (): Promise<void> => {
      for (let next = batches.shift(); next; next = batches.shift()) {
        await this._askOne(next);
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, work));
  }

  private async _askOne(batch: Did[]): Promise<void> {
    const keys = batch.map(didText);
    keys.forEach(key => this._asked.add(key));
    try {
      const answer = await this.client.summarize(this.instance, batch);
      answer.summaries.forEach(summary => this._keep(summary));
      this._obstacle = null;
    } catch (reason) {
      this._obstacle = obstacleOf(reason);
    } finally {
      keys.forEach(key => this._asked.delete(key));
    }
    this._changed.emit();
  }

  private _keep(summary: DidSummary): void {
    this._known.set(didText(summary.did), summary);
    if (this._known.size > KEPT) {
      const [oldest] = this._known.keys();
      this._known.delete(oldest);
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _known = new Map<string, DidSummary>();
  private readonly _asked = new Set<string>();
  private _sight: readonly Did[] = [];
  private _obstacle: Obstacle | null = null;
  private _timer = 0;
}
