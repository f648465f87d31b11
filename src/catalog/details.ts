import { type ISignal, Signal } from '@lumino/signaling';

import { type Asked, Question } from '../client/asked';
import type { ICatalogClient } from '../client/client';
import type {
  DidRow,
  Metadata,
  ReplicaTable,
  Rules
} from '../client/generated';
import { Listing } from './listing';

export type DetailTab = 'files' | 'replicas' | 'metadata' | 'rules';

/** The tabs whose content comes in one answer. */
const TABLES = ['replicas', 'metadata', 'rules'] as const;

/** What is known of one DID beyond its row; each part is asked for when it is first looked at. */
export class Details {
  constructor(
    private readonly client: ICatalogClient,
    private readonly instance: string,
    readonly row: DidRow
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What a collection holds; null for a file, or before it was looked at. */
  get files(): Listing | null {
    return this._files;
  }

  get replicas(): Asked<ReplicaTable> | null {
    return this._tables.replicas.answer;
  }

  get metadata(): Asked<Metadata> | null {
    return this._tables.metadata.answer;
  }

  get rules(): Asked<Rules> | null {
    return this._tables.rules.answer;
  }

  /** Ask for what a tab shows, unless it was asked already. */
  show(tab: DetailTab): void {
    const { did, type } = this.row;
    if (tab !== 'files') {
      if (!this[tab]) {
        void this._tables[tab].put();
      }
    } else if (!this._files && type !== 'file') {
      this._files = new Listing(this.client, this.instance, {
        kind: 'content',
        did
      });
      this._files.changed.connect(this._tell, this);
    }
  }

  /** Ask anew for the replicas, if they were asked for: each job tells how fast its RSEs were. */
  renewReplicas(): void {
    if (this.replicas) {
      void this._tables.replicas.renew();
    }
  }

  /** Forget what a tab shows and ask anew. */
  retry(tab: DetailTab): void {
    if (tab !== 'files') {
      void this._tables[tab].put();
    } else {
      this._files?.dispose();
      this._files = null;
      this.show(tab);
    }
  }

  /** Ask anew for what could not be had. */
  retryFailed(): void {
    this._files?.retry();
    for (const table of TABLES) {
      if (this[table]?.state === 'failed') {
        this.retry(table);
      }
    }
  }

  /** Ask anew for all that was looked at. */
  renew(): void {
    for (const tab of ['files', ...TABLES] as const) {
      if (this[tab]) {
        this.retry(tab);
      }
    }
  }

  dispose(): void {
    this._files?.dispose();
    Signal.clearData(this);
  }

  private _question<T>(ask: () => Promise<T>): Question<T> {
    return new Question(ask, () => this._tell());
  }

  private _tell(): void {
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _files: Listing | null = null;
  private readonly _tables = {
    replicas: this._question(() =>
      this.client.replicas(this.instance, this.row.did)
    ),
    metadata: this._question(() =>
      this.client.metadata(this.instance, this.row.did)
    ),
    rules: this._question(() => this.client.rules(this.instance, this.row.did))
  };
}
