import type { Page, Route } from '@playwright/test';

import type {
  DidRow,
  JobRequest,
  JobSnapshot,
  ListingPage,
  Problem,
  ReplicaTable
} from '../../src/client/generated';
import * as data from './data';
import * as jobs from './jobs';

type Answer = object | Problem;

interface IQuery {
  kind: string;
  dids?: DidRow['did'][];
}

/**
 * The server extension as the browser sees it, with answers that a test may change.
 *
 * For states alone: what the real servers do is tested against the real servers.
 */
export class FakeServer {
  instances = data.instances;
  demo = data.demoStopped;
  jobs: JobSnapshot[] = [];
  rows: DidRow[] = [];
  replicas: (did: DidRow['did']) => ReplicaTable = data.replicas;
  cut: string | null = null;
  /** Whether more rows are said to come. */
  arriving = false;
  /** Answers by path, instead of the ordinary ones; `silent` gives none. */
  problems = new Map<RegExp, Partial<Problem> | 'offline' | 'silent'>();

  constructor() {
    this.reset();
  }

  /** All is well: signed in, results, no jobs. */
  reset(): void {
    this.instances = data.instances;
    this.demo = data.demoStopped;
    this.jobs = [];
    this.rows = Array.from({ length: 1204 }, (_, run) =>
      data.dataset(run + 31)
    );
    this.replicas = data.replicas;
    this.cut = null;
    this.arriving = false;
    this.problems.clear();
  }

  async serve(page: Page): Promise<void> {
    await page.route(/rucio-jupyterlab\/v1\//, route => this._answer(route));
  }

  private async _answer(route: Route): Promise<void> {
    const url = new URL(route.request().url());
    const path = url.pathname.split('/rucio-jupyterlab/v1/')[1];
    for (const [pattern, problem] of this.problems) {
      if (pattern.test(path)) {
        if (problem === 'silent') {
          return;
        }
        return problem === 'offline'
          ? route.abort('connectionrefused')
          : route.fulfill({
              status: problem.status ?? 502,
              contentType: 'application/problem+json',
              body: JSON.stringify({ title: '', exception: null, ...problem })
            });
      }
    }
    const body = route.request().postDataJSON();
    await route.fulfill({
      json: this._reply(path, url.searchParams, body, route.request().method())
    });
  }

  private _reply(
    path: string,
    query: URLSearchParams,
    body: { query: IQuery; dids: DidRow['did'][]; job: JobRequest },
    method: string
  ): Answer {
    const number = (name: string) => Number(query.get(name) ?? 0);
    const did = {
      scope: query.get('scope') ?? '',
      name: query.get('name') ?? ''
    };
    const last = path.split('/').pop();
    switch (last) {
      case 'instances':
        return this.instances;
      case 'signin':
      case 'signout':
        return data.instance;
      case 'accounts':
        return {
          accounts: ['alice', 'group-higgs', 'atlas-ml'],
          current: 'alice'
        };
      case 'scopes':
        return query.get('writable') === 'true'
          ? { scopes: ['user.alice'], total: 1 }
          : {
              scopes: ['data25_13p6TeV', 'mc23_13p6TeV', 'user.alice'],
              total: 3
            };
      case 'demo':
      case 'start':
      case 'stop':
        return this.demo;
      case 'listings':
        return this._open(body.query);
      case 'summaries':
        return {
          summaries: body.dids.map(one =>
            data.summary(
              { did: one },
              this.rows.findIndex(row => row.did.name === one.name)
            )
          )
        };
      case 'metadata':
        return data.metadata(did);
      case 'replicas':
        return this.replicas(did);
      case 'rules':
        return data.rules;
      case 'jobs':
        return method === 'GET'
          ? { jobs: this.jobs }
          : jobs.job({ request: body.job });
      case 'store':
        return data.store;
      case 'engine':
      case 'retry':
        return { state: 'up', problem: null, engine: null };
      case 'environment':
        return {
          version: '50.0.0a1',
          root_dir: '/data/alice',
          cell_templates: {},
          poll_interval: 10,
          page_limit: 1000,
          summaries_limit: 100,
          body_limit: 1000000
        };
      case 'transfers':
        return jobs.transfers(
          number('offset'),
          number('limit'),
          query.get('state') === 'failed'
        );
    }
    if (path.startsWith('listings/content')) {
      return data.listing(
        path.slice(9),
        this._content(),
        number('offset'),
        number('limit')
      );
    }
    if (path.startsWith('listings/')) {
      return this._found(number('offset'), number('limit'));
    }
    return {};
  }

  private _open(query: IQuery): Answer {
    if (query.kind === 'content') {
      return data.listing('content', this._content(), 0, 200);
    }
    if (query.kind === 'dids') {
      const rows = (query.dids ?? []).map((did, index) => ({
        ...data.dataset(index),
        did,
        missing: index === 1
      }));
      return data.listing('dids', rows, 0, 200);
    }
    return this._found(0, 200);
  }

  private _found(offset: number, limit: number): ListingPage {
    return {
      ...data.listing('search', this.rows, offset, limit),
      cut: this.cut,
      complete: this.cut === null && !this.arriving
    };
  }

  private _content(): DidRow[] {
    return Array.from({ length: 20 }, (_, index) =>
      data.file('run', index + 1)
    );
  }
}
