import { type ISignal, Signal } from '@lumino/signaling';

import type { IAccounts } from '../accounts/model';
import type { ICatalogClient, ListingQuery } from '../client/client';
import { parseDid } from '../client/did';
import type { Did, DidRow, DidSummary, SearchQuery } from '../client/generated';
import { Details } from './details';
import { Listing } from './listing';
import { type IPlan, planOf } from './plan';
import { type Choice, Selection } from './selection';
import { Summaries } from './summaries';
import { Branch, type IPlace } from './tree';
import { type IViewMemory, View } from './view';

/** What the user looks for; kept while the answer is shown. */
export type Search = Pick<SearchQuery, 'scope' | 'name' | 'type' | 'filters'>;

/** Scopes to choose from. */
export interface IScopes {
  /** Those that the user may write to. */
  own: readonly string[];
  others: readonly string[];
}

/** What comes back after a reload: the question, not its answer. */
export interface IMemory {
  instance: string;
  search: Search;
  /** The DIDs that were pasted, where these are shown. */
  dids: readonly Did[] | null;
  /** Whether anything was asked. */
  asked: boolean;
  view: IViewMemory;
}

/** The catalogue of the current instance: a question, its answer as a tree, and what is chosen of it. */
export interface ICatalog {
  readonly changed: ISignal<ICatalog, void>;
  readonly instance: string | null;
  readonly search: Search;
  /** The answer; null before anything was asked. */
  readonly root: Branch | null;
  /** The DIDs chosen, in the order of choosing. */
  readonly selected: readonly DidRow[];
  /** Look for DIDs. A name like `scope:name` brings its scope along. */
  ask(search: Partial<Search>): void;
  /** Show these DIDs, whether Rucio knows them or not. */
  paste(dids: readonly Did[]): void;
  refresh(): void;
}

/** Scopes offered at once. */
const OFFERS = 50;
/** DIDs in the longest list that is remembered, since that is written anew as the list is scrolled. */
const REMEMBERED = 1000;

const NOTHING: Search = {
  scope: '',
  name: '',
  type: 'collection',
  filters: []
};

export class Catalog implements ICatalog {
  constructor(
    private readonly client: ICatalogClient,
    private readonly accounts: IAccounts
  ) {
    this._instance = accounts.usable;
    this._lapsed = isLapsed(accounts);
    this.view.changed.connect(this._tell, this);
    this._selection.changed.connect(this._onSelection, this);
    accounts.changed.connect(this._onAccounts, this);
  }

  readonly changed = new Signal<this, void>(this);
  readonly view = new View();

  get instance(): string | null {
    return this._instance;
  }

  /** Whether the instance allows `*` in names. */
  get wildcards(): boolean {
    return this.accounts.current?.wildcards ?? true;
  }

  get search(): Search {
    return this._search;
  }

  get root(): Branch | null {
    return this._root;
  }

  /** Whether the answer is to pasted DIDs rather than to `search`. */
  get pasted(): boolean {
    return this._root?.listing.query.kind === 'dids';
  }

  /** How many questions were asked; tells one answer from the next. */
  get questions(): number {
    return this._questions;
  }

  /** What to come back to; null while there is no instance, or what is to come back has not. */
  get memory(): IMemory | null {
    const query = this._root?.listing.query;
    const dids = query?.kind === 'dids' ? query.dids : null;
    // None of a longer list, for a part would be taken for the whole.
    const isTooLong = dids !== null && dids.length > REMEMBERED;
    return this._instance && !this._awaited
      ? {
          instance: this._instance,
          search: this._search,
          dids: isTooLong ? null : dids,
          asked: query !== undefined && !isTooLong,
          view: this.view.memory
        }
      : null;
  }

  /** Go back to where the user was, as soon as the instance can be asked. */
  restore(memory: IMemory): void {
    if (!this._root) {
      this._awaited = memory;
      this._restore();
    }
  }

  get summaries(): Summaries | null {
    return this._summaries;
  }

  get selected(): readonly DidRow[] {
    return this._selection.rows;
  }

  /** Those of them that Rucio knows. */
  get chosen(): readonly DidRow[] {
    return this.selected.filter(row => !row.missing);
  }

  /** Whether rows are still to come before what was chosen last is chosen. */
  get choosing(): boolean {
    return this._selection.loading;
  }

  /** How many rows the last range had, where these were too many to be chosen; else null. */
  get tooMany(): number | null {
    return this._selection.tooMany;
  }

  /** Ask again what is told of the rows in sight and of those that are chosen, wherever these are. */
  renew(): void {
    this._summaries?.renew();
  }

  /** Ask again what could not be had: what stood in the way is gone. */
  retry(): void {
    this._root?.retry();
    this._summaries?.retry();
    this._details?.retryFailed();
  }

  /** What is known of these; nothing yet of some. */
  summariesOf(rows: readonly DidRow[]): readonly DidSummary[] {
    return rows.flatMap(row => this._summaries?.get(row.did) ?? []);
  }

  /** What staging these would bring, as far as that is known. */
  plan(rows: readonly DidRow[]): IPlan {
    return planOf(rows, this.summariesOf(rows));
  }

  /** The RSE from which these are to be taken: the one chosen for a single DID; null: the fastest that works. */
  rseOf(rows: readonly DidRow[]): string | null {
    const [row, ...more] = rows.filter(({ missing }) => !missing);
    return row && !more.length ? this.view.rseOf(row.did) : null;
  }

  isSelected(did: Did): boolean {
    return this._selection.has(did);
  }

  /** The line that the keyboard is on. */
  get active(): IPlace | null {
    return this._selection.active;
  }

  /** Of the one DID that is chosen; null for none or several. */
  get details(): Details | null {
    return this._details;
  }

  ask(search: Partial<Search>): void {
    this._awaited = null;
    const asked = { ...this._search, ...search };
    // What stays of the last question is a name, whatever colons it holds.
    const isKept = asked.scope && asked.name === this._search.name;
    const whole = isKept ? null : parseDid(asked.name);
    this._lookFor(whole ? { ...asked, ...whole } : asked);
    if (this._search.scope) {
      this._open({
        kind: 'search',
        ...this._search,
        name: this._search.name || '*'
      });
      this.view.look({ top: 0 });
    }
    this.changed.emit();
  }

  paste(dids: readonly Did[]): void {
    this._open({ kind: 'dids', dids: [...dids] });
    this.changed.emit();
  }

  refresh(): void {
    if (this._root) {
      this._open(this._root.listing.query);
      this.changed.emit();
    }
  }

  /** Scopes that fit what was typed so far; none where Rucio cannot tell. */
  async completeScope(typed: string): Promise<IScopes> {
    if (!this._instance) {
      return { own: [], others: [] };
    }
    const ask = (writable: boolean) =>
      this.client.scopes(this._instance ?? '', typed, OFFERS, writable);
    try {
      const [own, all] = await Promise.all([ask(true), ask(false)]);
      const others = all.scopes.filter(scope => !own.scopes.includes(scope));
      return { own: own.scopes, others };
    } catch {
      // Completion is a courtesy: the search itself tells what is wrong.
      return { own: [], others: [] };
    }
  }

  /** Choose the line at a place, or change whether it is chosen. */
  choose(place: IPlace, choice: Choice = 'only'): void {
    if (choice !== 'move') {
      this.view.hide(false);
    }
    this._selection.choose(place, choice);
  }

  /** Choose nothing. */
  clear(): void {
    this._selection.clear();
  }

  /** Open or close what a row holds; nothing happens at a file. */
  toggle(place: IPlace, open = !place.branch.isOpen(place.index)): void {
    const { branch, index } = place;
    const row = branch.listing.row(index);
    if (!row || !this._instance || row.type === 'file' || row.missing) {
      return;
    }
    if (open && !branch.isOpen(index)) {
      branch.open(
        index,
        this._listing({ kind: 'content', did: row.did }, this._instance)
      );
    } else if (!open) {
      branch.close(index);
    }
    this.changed.emit();
  }

  dispose(): void {
    this.accounts.changed.disconnect(this._onAccounts, this);
    this._forget();
    Signal.clearData(this);
  }

  private _onAccounts(): void {
    const wasLapsed = this._lapsed;
    this._lapsed = isLapsed(this.accounts);
    if (this.accounts.usable === this._instance) {
      if (wasLapsed && !this._lapsed) {
        this.retry();
      }
      return;
    }
    this._instance = this.accounts.usable;
    this._forget();
    this._lookFor({ ...NOTHING });
    this.view.forgetRses();
    this._restore();
    this.changed.emit();
  }

  private _restore(): void {
    const memory = this._awaited;
    if (!memory || memory.instance !== this._instance) {
      return;
    }
    this._awaited = null;
    this._lookFor(memory.search);
    if (memory.dids) {
      this.paste(memory.dids);
    } else if (memory.asked) {
      this.ask({});
    }
    this.view.look(memory.view);
  }

  private _lookFor(search: Search): void {
    this._search = search;
    this.view.type(search);
  }

  private _open(query: ListingQuery): void {
    this._forget();
    this._questions += 1;
    if (this._instance) {
      this._root = new Branch(this._listing(query, this._instance));
      this._summaries = new Summaries(this.client, this._instance);
      this._summaries.changed.connect(this._tell, this);
    }
  }

  private _listing(query: ListingQuery, instance: string): Listing {
    const listing = new Listing(this.client, instance, query);
    listing.changed.connect(this._tell, this);
    return listing;
  }

  private _forget(): void {
    this._root?.dispose();
    this._summaries?.dispose();
    this._root = null;
    this._summaries = null;
    this._selection.forget();
    this._detail();
  }

  private _onSelection(): void {
    this._detail();
    this._summaries?.choose(this.chosen.map(row => row.did));
    this.changed.emit();
  }

  private _detail(): void {
    const [row, ...more] = this._selection.rows;
    const one = row && !more.length && !row.missing ? row : null;
    if (one?.did !== this._details?.row.did) {
      this._details?.dispose();
      this._details =
        one && this._instance
          ? new Details(this.client, this._instance, one)
          : null;
      this._details?.changed.connect(this._tell, this);
    }
  }

  private _tell(): void {
    this.changed.emit();
  }

  private readonly _selection = new Selection();
  private _instance: string | null;
  /** Whether the sign-in at the instance has lapsed. */
  private _lapsed: boolean;
  private _search = NOTHING;
  private _root: Branch | null = null;
  private _summaries: Summaries | null = null;
  private _questions = 0;
  private _awaited: IMemory | null = null;
  private _details: Details | null = null;
}

function isLapsed({ current }: IAccounts): boolean {
  return current?.account.state === 'lapsed';
}
