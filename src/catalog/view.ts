import { type ISignal, Signal } from '@lumino/signaling';

import { didText } from '../client/did';
import type { Did } from '../client/generated';
import type { DetailTab } from './details';

/** What of a view comes back after a reload. */
export interface IViewMemory {
  /** How far the list is scrolled, in pixels. */
  top: number;
  /** The tab of the details. */
  tab: DetailTab;
  /** Share of the height that the details take, from 0 to 1. */
  share: number;
}

/** What stands in the fields of the search, be it asked or not. */
export interface ITyped {
  scope: string;
  name: string;
}

/** How the Explore tab looks, apart from what was found. Survives a change of tabs. */
export class View {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get memory(): Readonly<IViewMemory> {
    return this._memory;
  }

  /** Whether the details were closed, though one DID is chosen. */
  get hidden(): boolean {
    return this._hidden;
  }

  get typed(): Readonly<ITyped> {
    return this._typed;
  }

  type({ scope, name }: ITyped): void {
    this._typed = { scope, name };
    this._changed.emit();
  }

  look(change: Partial<IViewMemory>): void {
    this._memory = { ...this._memory, ...change };
    this._changed.emit();
  }

  hide(hidden: boolean): void {
    this._hidden = hidden;
    this._changed.emit();
  }

  /** The RSE from which a DID is to be taken; null: the fastest that works. */
  rseOf(did: Did): string | null {
    return this._rses.get(didText(did)) ?? null;
  }

  chooseRse(did: Did, rse: string | null): void {
    this._rses.set(didText(did), rse);
    this._changed.emit();
  }

  /** Take each DID from wherever is fastest again: another instance has other RSEs. */
  forgetRses(): void {
    this._rses.clear();
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _rses = new Map<string, string | null>();
  private _memory: IViewMemory = { top: 0, tab: 'replicas', share: 0.5 };
  private _typed: ITyped = { scope: '', name: '' };
  private _hidden = false;
}
