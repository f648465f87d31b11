import type { ICatalogClient, ListingQuery } from '../../client/client';
import type {
  Did,
  DidRow,
  ListingPage,
  Summaries
} from '../../client/generated';

export const didOf = (name: string): Did => ({ scope: 'user.alice', name });

export const rowOf = (
  name: string,
  type: DidRow['type'] = 'dataset'
): DidRow => ({
  did: didOf(name),
  type,
  bytes: null,
  files: null,
  adler32: null,
  missing: false
});

/** A catalogue in memory: rows by the name of a collection, those of a search by `*`. */
export class FakeCatalog implements ICatalogClient {
  rows: Record<string, DidRow[]> = {};
  /** How many rows of each listing have arrived; all of them where it is absent. */
  arrived: Record<string, number> = {};
  cut: string | null = null;
  /** Files here of each dataset, which has two. */
  staged = 0;
  readonly asked: string[] = [];
  readonly closed: string[] = [];
  readonly summarized: Did[][] = [];

  scopes: ICatalogClient['scopes'] = async () => ({
    scopes: ['user.alice'],
    total: 1
  });

  async openListing(_: string, query: ListingQuery, limit: number) {
    const id = query.kind === 'content' ? query.did.name : '*';
    return this._page(id, 0, limit);
  }

  async readListing(id: string, offset: number, limit: number) {
    this.asked.push(`${id} ${offset}+${limit}`);
    return this._page(id, offset, limit);
  }

  async closeListing(id: string) {
    this.closed.push(id);
  }

  async summarize(_: string, dids: Did[]): Promise<Summaries> {
    this.summarized.push(dids);
    return {
      summaries: dids.map(did => ({
        did,
        type: 'dataset',
        bytes: 1000,
        files: 2,
        open: false,
        rses: 1,
        reach: 'http',
        staged_files: this.staged,
        staged_path: null
      }))
    };
  }

  metadata = () => Promise.reject(new Error('not asked'));
  replicas: ICatalogClient['replicas'] = () =>
    Promise.reject(new Error('not asked'));
  rules = () => Promise.reject(new Error('not asked'));

  private _page(id: string, offset: number, limit: number): ListingPage {
    const rows = this.rows[id] ?? [];
    const here = this.arrived[id] ?? rows.length;
    return {
      listing_id: id,
      offset,
      rows: rows.slice(offset, Math.min(here, offset + limit)),
      rows_so_far: here,
      complete: here === rows.length && this.cut === null,
      cut: this.cut,
      seconds: 0.1
    };
  }
}

/** Let everything that was promised happen. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) {
    await Promise.resolve();
  }
};
