import { type ISignal, Signal } from '@lumino/signaling';

import { didText } from '../client/did';
import type { Did, DidRow } from '../client/generated';
import type { IPlace } from './tree';

/**
 * How a chosen line joins those that were chosen before.
 *
 * With `all` come all rows of its branch; with `move` only the keyboard goes there.
 */
export type Choice = 'only' | 'toggle' | 'range' | 'all' | 'move';

/** Rows in the longest range: of each its summary is asked for. */
export const LONGEST = 5000;

/**
 * What is chosen of a tree, and the line that the keyboard is on.
 *
 * A range is chosen whole or not at all: rows of it that are not here are read first.
 */
export class Selection {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The rows chosen, in the order of choosing. */
  get rows(): readonly DidRow[] {
    return [...this._rows.values()];
  }

  has(did: Did): boolean {
    return this._rows.has(didText(did));
  }

  /** The line that the keyboard is on. */
  get active(): IPlace | null {
    return this._active;
  }

  /** Whether rows are still to come before the last choice holds. */
  get loading(): boolean {
    return this._coming > 0;
  }

  /** How many rows the last range had, where these were too many; else null. */
  get tooMany(): number | null {
    return this._tooMany;
  }

  /** Choose the line at a place, or change whether it is chosen. */
  choose(place: IPlace, choice: Choice): void {
    this._active = place;
    if (choice === 'move') {
      this._changed.emit();
      return;
    }
    if (choice !== 'range') {
      this._anchor = place;
    }
    if (choice === 'toggle') {
      this._tooMany = null;
    } else {
      this._supersede();
    }
    const { branch, index } = place;
    const from = this._anchor?.branch === branch ? this._anchor.index : index;
    const [first, end] =
      choice === 'all'
        ? [0, branch.listing.length]
        : [Math.min(from, index), Math.max(from, index) + 1];
    if (end - first > LONGEST) {
      this._tooMany = end - first;
    } else {
      const held = branch.listing.held(first, end);
      if (held && !this.loading) {
        this._take(held, choice);
      } else {
        const rows = held ?? branch.listing.load(first, end);
        this._settled = this._takeInTurn(this._settled, rows, choice);
      }
    }
    this._changed.emit();
  }

  /** Choose nothing. */
  clear(): void {
    this._supersede();
    this._rows.clear();
    this._changed.emit();
  }

  /** Leave a tree that is no more; who disposes of it tells of that. */
  forget(): void {
    this._supersede();
    this._rows.clear();
    this._active = null;
    this._anchor = null;
  }

  /** Take rows once they are here and every choice before this one holds, unless another has replaced them all. */
  private async _takeInTurn(
    before: Promise<void>,
    coming: Promise<DidRow[] | null> | DidRow[],
    choice: Choice
  ): Promise<void> {
    const turn = this._turn;
    this._coming += 1;
    const [rows] = await Promise.all([coming, before]);
    if (turn === this._turn) {
      this._coming -= 1;
      if (rows) {
        this._take(rows, choice);
      }
      this._changed.emit();
    }
  }

  private _take(rows: readonly DidRow[], choice: Choice): void {
    if (choice !== 'toggle') {
      this._rows.clear();
    }
    for (const row of rows) {
      const key = didText(row.did);
      if (choice === 'toggle' && this._rows.has(key)) {
        this._rows.delete(key);
      } else {
        this._rows.set(key, row);
      }
    }
  }

  /** What was chosen before and is still to come counts no more. */
  private _supersede(): void {
    this._turn += 1;
    this._coming = 0;
    this._settled = Promise.resolve();
    this._tooMany = null;
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _rows = new Map<string, DidRow>();
  private _active: IPlace | null = null;
  /** Where a range begins. */
  private _anchor: IPlace | null = null;
  private _turn = 0;
  /** Choices whose rows are not here yet. */
  private _coming = 0;
  /** When all of them hold. */
  private _settled = Promise.resolve();
  private _tooMany: number | null = null;
}
