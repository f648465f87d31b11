import type { TranslationBundle } from '@jupyterlab/translation';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

import { didText } from '../catalog/did';
import type { ICatalogClient } from '../client/client';
import type { Did, DidSummary } from '../client/generated';
import {
  builtInTemplates,
  cellSource,
  fitting,
  type ICellTemplate,
  type IStaged,
  stagingSource
} from './templates';

/** Ways of reading staged files in a notebook, and the sources of cells made by them. */
export class Templates {
  constructor(trans: TranslationBundle) {
    this._builtIn = builtInTemplates(trans);
  }

  /** Offer a template before the built-in ones; disposing of the answer withdraws it. */
  add(template: ICellTemplate): IDisposable {
    this._added = [template, ...this._added];
    return new DisposableDelegate(() => {
      this._added = this._added.filter(other => other !== template);
    });
  }

  /** The names of the templates that fit all of these, the best first; none if one is not staged. */
  offers(staged: readonly IStaged[]): string[] {
    return isStaged(staged)
      ? this._fitting(staged).map(({ name }) => name)
      : [];
  }

  /**
   * The source of a cell that reads these, by the template of that name or the best one.
   *
   * If one of them is not staged the cell stages them all, and names the instance where it must be told.
   */
  source(
    staged: readonly IStaged[],
    options: { template?: string; instance?: string | null } = {}
  ): string {
    const { template, instance = null } = options;
    if (!isStaged(staged)) {
      return stagingSource(
        staged.map(({ did }) => did),
        instance
      );
    }
    const wanted = this._all.find(({ name }) => name === template);
    return cellSource(staged, wanted ?? this._fitting(staged)[0]);
  }

  private _fitting(staged: readonly IStaged[]): readonly ICellTemplate[] {
    return fitting(
      this._all,
      staged.flatMap(({ names }) => names)
    );
  }

  private get _all(): readonly ICellTemplate[] {
    return [...this._added, ...this._builtIn];
  }

  private readonly _builtIn: readonly ICellTemplate[];
  private _added: readonly ICellTemplate[] = [];
}

function isStaged(staged: readonly IStaged[]): boolean {
  return staged.every(({ path }) => path !== null);
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
