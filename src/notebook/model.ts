import type { TranslationBundle } from '@jupyterlab/translation';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

import type { ICatalogClient } from '../client/client';
import { didText } from '../client/did';
import type { Did, DidSummary } from '../client/generated';
import {
  builtInTemplates,
  cellSource,
  fitting,
  type ICellTemplate,
  type IStaged,
  stagingSource
} from './templates';

/** Who offers a template. */
export type Origin = 'user' | 'extension' | 'site';

/** The order in which templates are offered that fit as well; the built-in ones come last. */
const ORDER: readonly Origin[] = ['user', 'extension', 'site'];

/** Ways of reading staged files in a notebook, and the sources of cells made by them. */
export class Templates {
  constructor(trans: TranslationBundle) {
    this._builtIn = builtInTemplates(trans);
  }

  /** Offer a template; disposing of the answer withdraws it. */
  add(template: ICellTemplate, origin: Origin): IDisposable {
    const added = { template, origin };
    this._added = [...this._added, added];
    return new DisposableDelegate(() => {
      this._added = this._added.filter(other => other !== added);
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
    const from = (origin: Origin) =>
      this._added.filter(added => added.origin === origin);
    return [
      ...ORDER.flatMap(from).map(({ template }) => template),
      ...this._builtIn
    ];
  }

  private readonly _builtIn: readonly ICellTemplate[];
  private _added: readonly { template: ICellTemplate; origin: Origin }[] = [];
}

function isStaged(staged: readonly IStaged[]): boolean {
  return staged.every(({ path }) => path !== null);
}

/** Of how many collections names are looked at to tell the kind of the files, and how many of each. */
const [COLLECTIONS, NAMES] = [5, 50];

/**
 * What is staged of DIDs, with the names of some of their files; `most` is how many the server tells of at once.
 *
 * Once one is known not to be staged nothing else matters, as all are staged by the cell. Rejects with `Failure`.
 */
export async function stagedOf(
  client: ICatalogClient,
  instance: string,
  dids: readonly Did[],
  most: number
): Promise<IStaged[]> {
  const summaries: DidSummary[] = [];
  for (let at = 0; at < dids.length; at += most) {
    const asked = dids.slice(at, at + most);
    const answer = await client.summarize(instance, asked);
    if (!answer.summaries.every(isHere)) {
      return dids.map(unstaged);
    }
    summaries.push(...answer.summaries);
  }
  const collections = summaries.filter(({ type }) => type !== 'file');
  const looked = new Set(collections.slice(0, COLLECTIONS));
  const namesIn = (summary: DidSummary) =>
    looked.has(summary) ? namesOf(client, instance, summary.did) : [];
  return Promise.all(
    summaries.map(async each =>
      staged(each, each.type === 'file' ? [each.did.name] : await namesIn(each))
    )
  );
}

function staged(summary: DidSummary, names: readonly string[]): IStaged {
  const { did, type, files, staged_files: here, staged_path } = summary;
  return {
    did: didText(did),
    path: staged_path,
    folder: type !== 'file',
    names,
    complete: type === 'dataset' && here === files && here === names.length
  };
}

/** A DID of which nothing is here. */
export function unstaged(did: Did): IStaged {
  return {
    did: didText(did),
    path: null,
    folder: false,
    names: [],
    complete: false
  };
}

function isHere(summary: DidSummary): boolean {
  return summary.staged_files > 0 && summary.staged_path !== null;
}

/** Names of files in a collection; those of a container are looked for in its first member. */
async function namesOf(
  client: ICatalogClient,
  instance: string,
  did: Did
): Promise<string[]> {
  const query = { kind: 'content', did } as const;
  const page = await client.openListing(instance, query, NAMES);
  client.closeListing(page.listing_id).catch(() => undefined); // it ends by itself, too
  const [first] = page.rows;
  return first && first.type !== 'file'
    ? namesOf(client, instance, first.did)
    : page.rows.map(row => row.did.name);
}
