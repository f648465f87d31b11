import type { Did, DidRow } from '../client/generated';
import type { Listing } from './listing';

/** A line of the tree as it is shown. */
export type TreeLine =
  | { kind: 'did'; branch: Branch; index: number; row: DidRow }
  | { kind: 'pending'; branch: Branch; index: number }
  | { kind: 'end'; branch: Branch };

/** A place in the tree that stays the same while other branches open and close. */
export interface IPlace {
  branch: Branch;
  index: number;
}

/**
 * One listing and the listings of those of its rows that are open.
 *
 * Lines are counted, never stored: a branch finds its n-th line from the sizes of the few
 * branches that are open, however many rows it has.
 */
export class Branch {
  constructor(
    readonly listing: Listing,
    readonly parent: IPlace | null = null
  ) {}

  /** 0 for the answer of a search, one more for what a row of it holds. */
  get depth(): number {
    return this.parent ? this.parent.branch.depth + 1 : 0;
  }

  /** Lines of this branch and of all that are open within it. */
  get size(): number {
    let size = this.listing.length + (this._hasEnd ? 1 : 0);
    for (const child of this._open.values()) {
      size += child.size;
    }
    return size;
  }

  /** Pages that came by now, of this branch and of all that are open within it. */
  get arrivals(): number {
    let { arrivals } = this.listing;
    for (const child of this._open.values()) {
      arrivals += child.arrivals;
    }
    return arrivals;
  }

  /** The line at a place counted over all that is open; null beyond the end. */
  line(position: number): TreeLine | null {
    let index = position;
    for (const [at, child] of this._sorted()) {
      if (index <= at) {
        break;
      }
      if (index <= at + child.size) {
        return child.line(index - at - 1);
      }
      index -= child.size;
    }
    if (index < this.listing.length) {
      const row = this.listing.row(index);
      return row
        ? { kind: 'did', branch: this, index, row }
        : { kind: 'pending', branch: this, index };
    }
    return index === this.listing.length && this._hasEnd
      ? { kind: 'end', branch: this }
      : null;
  }

  /** Where a row of this branch is, counted over all that is open. */
  position(index: number): number {
    let position = index;
    for (const [at, child] of this._open) {
      position += at < index ? child.size : 0;
    }
    return this.parent
      ? this.parent.branch.position(this.parent.index) + 1 + position
      : position;
  }

  isOpen(index: number): boolean {
    return this._open.has(index);
  }

  open(index: number, listing: Listing): void {
    this._open.set(index, new Branch(listing, { branch: this, index }));
  }

  /** Close what a row holds, and all within it. */
  close(index: number): void {
    this._open.get(index)?.dispose();
    this._open.delete(index);
  }

  /** Ask once more for what could not be had, of this branch and of all that are open within it. */
  retry(): void {
    this.listing.retry();
    this._open.forEach(child => child.retry());
  }

  dispose(): void {
    this._open.forEach(child => child.dispose());
    this._open.clear();
    this.listing.dispose();
  }

  /** Inner branches end with a line that tells what is still to come, or why nothing is. */
  private get _hasEnd(): boolean {
    const { complete, length } = this.listing;
    return this.parent !== null && (!complete || length === 0);
  }

  private _sorted(): [number, Branch][] {
    return [...this._open].sort(([one], [other]) => one - other);
  }

  private readonly _open = new Map<number, Branch>();
}

/** The DIDs among the lines from `first` up to before `end`, and ask for rows that lack there. */
export function look(root: Branch, first: number, end: number): Did[] {
  const dids: Did[] = [];
  const wanted = new Map<Branch, [number, number]>();
  for (let position = first; position < end; position += 1) {
    const line = root.line(position);
    if (line?.kind === 'did' && !line.row.missing) {
      dids.push(line.row.did);
    }
    if (line?.kind === 'did' || line?.kind === 'pending') {
      const [from] = wanted.get(line.branch) ?? [line.index];
      wanted.set(line.branch, [from, line.index + 1]);
    }
  }
  wanted.forEach(([from, to], branch) => branch.listing.ensure(from, to));
  return dids;
}
