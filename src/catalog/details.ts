import { type ISignal, Signal } from '@lumino/signaling';

import { type Asked, follow } from '../client/asked';
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
    return this._replicas;
  }

  get metadata(): Asked<Metadata> | null {
    return this._metadata;
  }

  get rules(): Asked<Rules> | null {
    return this._rules;
  }

  /** Ask for what a tab shows, unless it was asked already. */
  show(tab: DetailTab): void {
    const { did, type } = this.row;
    switch (tab) {
      case 'files':
        if (!this._files && type !== 'file') {
          this._files = new Listing(this.client, this.instance, {
            kind: 'content',
            did
          });
          this._files.changed.connect(this._tell, this);
        }
        return;
      case 'replicas':
        if (!this._replicas) {
          void follow(this.client.replicas(this.instance, did), asked => {
            this._replicas = asked;
            this._tell();
          });
        }
        return;
      case 'metadata':
        if (!this._metadata) {
          void follow(this.client.metadata(this.instance, did), asked => {
            this._metadata = asked;
            this._tell();
          });
        }
        return;
      case 'rules':
        if (!this._rules) {
          void follow(this.client.rules(this.instance, did), asked => {
            this._rules = asked;
            this._tell();
          });
        }
    }
  }

  /** Ask anew for the replicas, if they were asked for: each job tells how fast its RSEs were. */
  renewReplicas(): void {
    if (this._replicas) {
      void this.client.replicas(this.instance, this.row.did).then(
        value => {
          this._replicas = { state: 'ready', value };
          this._tell();
        },
        () => undefined // the table of before is still right, but for the speeds
      );
    }
  }

  /** Forget what a tab shows and ask anew. */
  retry(tab: DetailTab): void {
    if (tab === 'files') {
      this._files?.dispose();
      this._files = null;
    } else {
      this[`_${tab}`] = null;
    }
    this.show(tab);
  }

  /** Ask anew for what could not be had. */
  retryFailed(): void {
    this._files?.retry();
    for (const tab of TABLES) {
      if (this[`_${tab}`]?.state === 'failed') {
        this.retry(tab);
      }
    }
  }

  /** Ask anew for all that was looked at. */
  renew(): void {
    for (const tab of ['files', ...TABLES] as const) {
      if (this[`_${tab}`]) {
        this.retry(tab);
      }
    }
  }

  dispose(): void {
    this._files?.dispose();
    Signal.clearData(this);
  }

  private _tell(): void {
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _files: Listing | null = null;
  private _replicas: Asked<ReplicaTable> | null = null;
  private _metadata: Asked<Metadata> | null = null;
  private _rules: Asked<Rules> | null = null;
}
