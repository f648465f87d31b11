import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

import { didText } from '../catalog/did';
import type { ICatalogClient } from '../client/client';
import type { Did, DidSummary } from '../client/generated';
import {
  cellSource,
  fitting,
  type ICellTemplate,
  type IStaged,
  TEMPLATES
} from './templates';

/** Ways of reading staged files in a notebook, and the sources of cells made by them. */
export class Templates {
  /** Offer a template before the built-in ones; disposing of the answer withdraws it. */
  add(template: ICellTemplate): IDisposable {
    this._added = [template, ...this._added];
    return new DisposableDelegate(() => {
      this._added = this._added.filter(other => other !== template);
    });
  }

  /** The names of the templates that fit all of these, the best first; none if one is not staged. */
  offers(staged: readonly IStaged[]): string[] {
    if (staged.some(({ path }) => path === null)) {
      return [];
    }
    const names = staged.flatMap(one => one.names);
    return fitting(this._all, names).map(({ name }) => name);
  }

  /** The source of a cell that reads these, by the template of that name or the best one. */
  source(staged: readonly IStaged[], template?: string): string {
    const wanted = this._all.find(({ name }) => name === template);
    return staged
      .map(one => cellSource(one, wanted ?? fitting(this._all, one.names)[0]))
      .join('\n\n');
  }

  private get _all(): readonly ICellTemplate[] {
    return [...this._added, ...TEMPLATES];
  }

  private _added: readonly ICellTemplate[] = [];
}

/** How many names are looked at to tell the kind of the files. */
const SAMPLE = 50;

/** What is staged of a DID, with a sample of its files' names. Rejects with `Failure`. */
export async function stagedOf(
  client: ICatalogClient,
  instance: string,
  summary: DidSummary
): Promise<IStaged> {
  const { did, type, files, staged_files: here, staged_path: path } = summary;
  const names =
    type === 'file' ? [did.name] : await namesOf(client, instance, did);
  return {
    did: didText(did),
    path: here > 0 ? path : null,
    folder: type !== 'file',
    names,
    complete: type === 'dataset' && here === files && here === names.length
  };
}

/** Names of files in a collection; those of a container are looked for in its first member. */
async function namesOf(
  client: ICatalogClient,
  instance: string,
  did: Did
): Promise<string[]> {
  const query = { kind: 'content', did } as const;
  const page = await client.openListing(instance, query, SAMPLE);
  await client.closeListing(page.listing_id);
  const [first] = page.rows;
  return first && first.type !== 'file'
    ? namesOf(client, instance, first.did)
    : page.rows.map(row => row.did.name);
}
