import { type ISignal, Signal } from '@lumino/signaling';

import type { ICatalogClient, ListingQuery } from '../client/client';
import { type Obstacle, obstacleOf } from '../client/failure';
import type { DidRow, ListingPage } from '../client/generated';

/** Rows asked for at once. */
const PAGE = 200;
/** Pages kept; those not seen for longest are forgotten and can be asked for again. */
const KEPT = 40;
/** Milliseconds between two looks at a listing that is still arriving. */
const LOOK = [200, 400, 800, 1500];
/** The same while rows cannot be had. */
const LAPSED = 10_000;

/**
 * The answer to one question, of any length, read page by page as rows come into sight.
 *
 * The server spools Rucio's answer; here only what is looked at is held.
 */
export class Listing {
  constructor(
    private readonly client: ICatalogClient,
    private readonly instance: string,
    readonly query: ListingQuery
  ) {
    void this._open();
  }

  /** Emitted when rows arrived, the count rose, or the answer ended. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Rows that the server holds by now. */
  get length(): number {
    return this._length;
  }

  /** Pages that came by now; rises whenever rows take the place of lines still to come. */
  get arrivals(): number {
    return this._arrivals;
  }

  /** Whether all of Rucio's answer is here. */
  get complete(): boolean {
    return this._complete;
  }

  /** Why the answer ended early. */
  get cut(): string | null {
    return this._cut;
  }

  /** Why there is no answer. */
  get obstacle(): Obstacle | null {
    return this._obstacle;
  }

  /** Why rows could not be had the last time, while others are here; null as soon as some come. */
  get lapse(): Obstacle | null {
    return this._lapse;
  }

  /** Whether the server holds the answer no more. */
  get expired(): boolean {
    return this._lapse?.type === 'not-found';
  }

  /** Seconds since the question was asked; stands still once the answer has ended. */
  get seconds(): number {
    return this._seconds;
  }

  /** Whether the question is still being answered. */
  get arriving(): boolean {
    return (
      !this._complete &&
      this._cut === null &&
      this._obstacle === null &&
      !this.expired
    );
  }

  /** A row, or undefined where its page is not here. */
  row(index: number): DidRow | undefined {
    return this._pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The rows from `first` up to before `end`; null where one of them is not here. */
  held(first: number, end: number): DidRow[] | null {
    const rows: DidRow[] = [];
    for (let index = first; index < end; index += 1) {
      const row = this.row(index);
      if (!row) {
        return null;
      }
      rows.push(row);
    }
    return rows;
  }

  /** Read those that are not here, of no more rows than are kept; null where one cannot be had. */
  async load(first: number, end: number): Promise<DidRow[] | null> {
    this._want(first, end);
    await Promise.all(this._asked.values());
    return this.held(first, end);
  }

  /** Rows from `first` up to before `end` are in sight: ask for the pages that they are on. */
  ensure(first: number, end: number): void {
    this._sight = [first, end];
    this._want(first, end);
  }

  private _want(first: number, end: number): void {
    const last = Math.min(end, this._length) - 1;
    for (
      let page = Math.floor(first / PAGE);
      page <= Math.floor(last / PAGE);
      page += 1
    ) {
      const rows = this._pages.get(page);
      const wanted = Math.min(PAGE, this._length - page * PAGE);
      if (rows) {
        this._pages.delete(page); // and to the end: it was seen just now
        this._pages.set(page, rows);
      }
      if ((rows?.length ?? 0) < wanted) {
        this._read(page);
      }
    }
  }

  /** Ask once more for what could not be had: the answer, or the rows of it that were looked at last. */
  retry(): void {
    if (this._obstacle) {
      this._leave();
      this._obstacle = null;
      void this._open();
    } else if (!this.expired) {
      this._lapse = null;
      this.ensure(...this._sight);
    }
    this._changed.emit();
  }

  /** End the question at Rucio and forget the answer. */
  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    Signal.clearData(this);
    this._leave();
  }

  private _leave(): void {
    if (this._id) {
      // The server forgets it by itself in time, should it not hear of this.
      this.client.closeListing(this._id).catch(() => undefined);
    }
  }

  private async _open(): Promise<void> {
    try {
      const page = await this.client.openListing(
        this.instance,
        this.query,
        PAGE
      );
      this._id = page.listing_id;
      if (this._isDisposed) {
        await this.client.closeListing(this._id).catch(() => undefined);
        return;
      }
      this._take(page);
      this._look(0);
    } catch (reason) {
      this._fail(reason);
    }
  }

  /** Look again after a while, ever more seldom, until the answer has ended. */
  private _look(times: number): void {
    if (this.arriving && !this._isDisposed) {
      const pause = this._lapse
        ? LAPSED
        : LOOK[Math.min(times, LOOK.length - 1)];
      this._timer = window.setTimeout(async () => {
        await this._ask(0, 1);
        this._look(times + 1);
      }, pause);
    }
  }

  private _read(page: number): void {
    if (!this._asked.has(page)) {
      const answer = this._ask(page * PAGE, PAGE);
      this._asked.set(
        page,
        answer.finally(() => this._asked.delete(page))
      );
    }
  }

  private async _ask(offset: number, limit: number): Promise<void> {
    try {
      const page = await this.client.readListing(this._id ?? '', offset, limit);
      if (!this._isDisposed) {
        this._take(page);
      }
    } catch (reason) {
      this._fail(reason);
    }
  }

  private _take(page: ListingPage): void {
    const number = Math.floor(page.offset / PAGE);
    const held = this._pages.get(number)?.length ?? 0;
    if (page.offset % PAGE === 0 && page.rows.length > held) {
      this._pages.delete(number);
      this._pages.set(number, page.rows);
      this._arrivals += 1;
      const [oldest] = this._pages.keys();
      if (this._pages.size > KEPT) {
        this._pages.delete(oldest);
      }
    }
    // Answers may overtake one another; the count never falls.
    this._length = Math.max(this._length, page.rows_so_far);
    this._complete ||= page.complete;
    this._cut ??= page.cut;
    this._seconds = Math.max(this._seconds, page.seconds);
    if (this._lapse) {
      this.retry();
    }
    this._changed.emit();
  }

  private _fail(reason: unknown): void {
    if (this._isDisposed) {
      return;
    }
    if (this._pages.size > 0) {
      this._lapse = obstacleOf(reason);
    } else {
      this._obstacle = obstacleOf(reason);
    }
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _pages = new Map<number, readonly DidRow[]>();
  private readonly _asked = new Map<number, Promise<void>>();
  /** The rows that were looked at last. */
  private _sight: [number, number] = [0, 0];
  private _id: string | null = null;
  private _length = 0;
  private _arrivals = 0;
  private _complete = false;
  private _cut: string | null = null;
  private _obstacle: Obstacle | null = null;
  private _lapse: Obstacle | null = null;
  private _seconds = 0;
  private _timer = 0;
  private _isDisposed = false;
}
