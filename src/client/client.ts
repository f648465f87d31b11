import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ISignal, Signal } from '@lumino/signaling';

import { Failure, type Obstacle, obstacleOf } from './failure';
import type {
  AccountChoices,
  AddInstance,
  ConfirmJob,
  DemoStatus,
  Did,
  Environment,
  Freed,
  InstanceInfo,
  Instances,
  JobRequest,
  Jobs,
  JobSnapshot,
  Link,
  ListingPage,
  Metadata,
  OpenListing,
  ProblemDocument,
  Reachability,
  ReplicaTable,
  RetryJob,
  Rules,
  Scopes,
  ServerPath,
  SignIn,
  StoreStatus,
  Summaries,
  TransferPage,
  TransferRow
} from './generated';

/** A request of which only the fields `K` must be given; the server fills in the rest. */
export type Ask<T, K extends keyof T> = Pick<T, K> & Partial<T>;

export type ListingQuery = OpenListing['query'];
export type JobAsk = Ask<JobRequest, 'instance' | 'dids'>;
export type SignInAsk = Ask<SignIn, 'auth_type'>;
export type AddInstanceAsk = Ask<AddInstance, 'url'>;

/** Questions about instances, and who the user is there. All reject with `Failure`. */
export interface IAccountsClient {
  instances(): Promise<Instances>;
  addInstance(instance: AddInstanceAsk): Promise<InstanceInfo>;
  removeInstance(instance: string): Promise<void>;
  signIn(instance: string, how: SignInAsk): Promise<InstanceInfo>;
  signOut(instance: string): Promise<InstanceInfo>;
  accounts(instance: string): Promise<AccountChoices>;
  switchAccount(instance: string, account: string): Promise<InstanceInfo>;
  /** Ask the instance for a sign of life. */
  examine(instance: string): Promise<Reachability>;
}

/** Questions to the catalogue of one instance. All reject with `Failure`. */
export interface ICatalogClient {
  /** Scopes that fit a filter; with `writable` those alone that the user may write to. */
  scopes(
    instance: string,
    filter: string,
    limit: number,
    writable: boolean
  ): Promise<Scopes>;
  openListing(
    instance: string,
    query: ListingQuery,
    limit: number
  ): Promise<ListingPage>;
  readListing(id: string, offset: number, limit: number): Promise<ListingPage>;
  closeListing(id: string): Promise<void>;
  summarize(instance: string, dids: Did[]): Promise<Summaries>;
  metadata(instance: string, did: Did): Promise<Metadata>;
  replicas(instance: string, did: Did): Promise<ReplicaTable>;
  rules(instance: string, did: Did): Promise<Rules>;
}

/** Jobs, their files, and the store that they fill. All reject with `Failure`. */
export interface IJobsClient {
  jobs(): Promise<Jobs>;
  startJob(job: JobAsk): Promise<JobSnapshot>;
  confirmJob(id: string, part: Partial<ConfirmJob>): Promise<JobSnapshot>;
  changeJob(
    id: string,
    change: 'pause' | 'resume' | 'cancel'
  ): Promise<JobSnapshot>;
  retryJob(id: string, how: Partial<RetryJob>): Promise<JobSnapshot>;
  pinJob(id: string, pinned: boolean): Promise<JobSnapshot>;
  clearJobs(ids: string[] | null): Promise<void>;
  transfers(
    id: string,
    offset: number,
    limit: number,
    state: TransferRow['state'] | null
  ): Promise<TransferPage>;
  store(): Promise<StoreStatus>;
  evict(instance: string, did: Did): Promise<Freed>;
}

/** Questions that the Jupyter server answers by itself. All reject with `Failure`. */
export interface IServerClient {
  engine(): Promise<Link>;
  retryEngine(): Promise<Link>;
  environment(): Promise<Environment>;
  serverPath(path: string): Promise<ServerPath>;
}

/** The demo beside the Jupyter server. All reject with `Failure`. */
export interface IDemoClient {
  demo(): Promise<DemoStatus>;
  startDemo(): Promise<DemoStatus>;
  stopDemo(): Promise<DemoStatus>;
}

export interface IClient
  extends
    IAccountsClient,
    ICatalogClient,
    IJobsClient,
    IServerClient,
    IDemoClient {}

/** Milliseconds for an answer: more than the server gives itself, which then tells why there is none. */
const PATIENCE = 120_000;

/** What is told where no server of ours has answered. */
const UNANSWERED: readonly Obstacle['type'][] = [
  'offline',
  'no-server-extension',
  'unexpected'
];

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';
type Parameters = Record<string, string | number | boolean | null>;

/** The client of the server extension: one method a route, no state. */
export class RestClient implements IClient {
  constructor(
    private readonly trans: TranslationBundle,
    private readonly settings = ServerConnection.makeSettings()
  ) {}

  /** Emitted when no server of ours has answered. */
  get unanswered(): ISignal<this, void> {
    return this._unanswered;
  }

  instances(): Promise<Instances> {
    return this._get('instances');
  }

  addInstance(instance: AddInstanceAsk): Promise<InstanceInfo> {
    return this._post('instances', instance);
  }

  async removeInstance(instance: string): Promise<void> {
    await this._ask('DELETE', at(instance));
  }

  signIn(instance: string, how: SignInAsk): Promise<InstanceInfo> {
    return this._post(at(instance, 'signin'), how);
  }

  signOut(instance: string): Promise<InstanceInfo> {
    return this._post(at(instance, 'signout'));
  }

  accounts(instance: string): Promise<AccountChoices> {
    return this._get(at(instance, 'accounts'));
  }

  switchAccount(instance: string, account: string): Promise<InstanceInfo> {
    return this._post(at(instance, 'account'), { account });
  }

  examine(instance: string): Promise<Reachability> {
    return this._get(at(instance, 'reachability'));
  }

  scopes(
    instance: string,
    filter: string,
    limit: number,
    writable: boolean
  ): Promise<Scopes> {
    return this._get(at(instance, 'scopes'), { filter, limit, writable });
  }

  openListing(
    instance: string,
    query: ListingQuery,
    limit: number
  ): Promise<ListingPage> {
    return this._post(at(instance, 'listings'), { query, limit });
  }

  readListing(id: string, offset: number, limit: number): Promise<ListingPage> {
    return this._get(`listings/${encodeURIComponent(id)}`, { offset, limit });
  }

  async closeListing(id: string): Promise<void> {
    await this._ask('DELETE', `listings/${encodeURIComponent(id)}`);
  }

  summarize(instance: string, dids: Did[]): Promise<Summaries> {
    return this._post(at(instance, 'summaries'), { dids });
  }

  metadata(instance: string, did: Did): Promise<Metadata> {
    return this._get(at(instance, 'metadata'), { ...did });
  }

  replicas(instance: string, did: Did): Promise<ReplicaTable> {
    return this._get(at(instance, 'replicas'), { ...did });
  }

  rules(instance: string, did: Did): Promise<Rules> {
    return this._get(at(instance, 'rules'), { ...did });
  }

  jobs(): Promise<Jobs> {
    return this._get('jobs');
  }

  startJob(job: JobAsk): Promise<JobSnapshot> {
    return this._post('jobs', { job });
  }

  confirmJob(id: string, part: Partial<ConfirmJob>): Promise<JobSnapshot> {
    return this._post(job(id, 'confirm'), part);
  }

  changeJob(
    id: string,
    change: 'pause' | 'resume' | 'cancel'
  ): Promise<JobSnapshot> {
    return this._post(job(id, change));
  }

  retryJob(id: string, how: Partial<RetryJob>): Promise<JobSnapshot> {
    return this._post(job(id, 'retry'), how);
  }

  pinJob(id: string, pinned: boolean): Promise<JobSnapshot> {
    return this._post(job(id, 'pin'), { pinned });
  }

  async clearJobs(ids: string[] | null): Promise<void> {
    await this._post('jobs/clear', { job_ids: ids });
  }

  transfers(
    id: string,
    offset: number,
    limit: number,
    state: TransferRow['state'] | null
  ): Promise<TransferPage> {
    return this._get(job(id, 'transfers'), { offset, limit, state });
  }

  store(): Promise<StoreStatus> {
    return this._get('store');
  }

  evict(instance: string, did: Did): Promise<Freed> {
    return this._post(at(instance, 'evict'), { did });
  }

  engine(): Promise<Link> {
    return this._get('engine');
  }

  retryEngine(): Promise<Link> {
    return this._post('engine/retry');
  }

  environment(): Promise<Environment> {
    return this._get('environment');
  }

  serverPath(path: string): Promise<ServerPath> {
    return this._get('server-path', { path });
  }

  demo(): Promise<DemoStatus> {
    return this._get('demo');
  }

  startDemo(): Promise<DemoStatus> {
    return this._post('demo/start');
  }

  stopDemo(): Promise<DemoStatus> {
    return this._post('demo/stop');
  }

  private _get<T>(path: string, parameters: Parameters = {}): Promise<T> {
    const given = Object.entries(parameters).filter(
      ([, value]) => value !== null
    );
    const query = new URLSearchParams(
      given.map(([key, value]) => [key, String(value)])
    ).toString();
    return this._ask('GET', query ? `${path}?${query}` : path);
  }

  private _post<T>(path: string, body: object = {}): Promise<T> {
    return this._ask('POST', path, body);
  }

  private async _ask<T>(
    method: Method,
    path: string,
    body?: object
  ): Promise<T> {
    const url =
      URLExt.join(this.settings.baseUrl, 'rucio-jupyterlab/v1') + '/' + path;
    const patience = new AbortController();
    const init: RequestInit = { method, signal: patience.signal };
    if (body) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    const timer = setTimeout(() => patience.abort(), PATIENCE);
    try {
      const response = await this._send(url, init);
      if (!response.ok) {
        throw new Failure(await this._problem(response));
      }
      return await this._read<T>(response);
    } catch (reason) {
      const failure = patience.signal.aborted ? this._silence() : reason;
      if (UNANSWERED.includes(obstacleOf(failure).type)) {
        this._unanswered.emit();
      }
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  private async _send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, this.settings);
    } catch {
      throw this._silence();
    }
  }

  private _silence(): Failure {
    return new Failure({
      type: 'offline',
      detail: this.trans.__('The Jupyter server does not answer.'),
      do: 'retry'
    });
  }

  /** The page on which a hub asks for a login comes like an answer of ours. */
  private async _read<T>(response: Response): Promise<T> {
    try {
      return (await response.json()) as T;
    } catch {
      throw new Failure({
        type: 'unexpected',
        detail: this.trans.__(
          'Something else answered in place of the Jupyter server. Load this page again; you may have to log in.'
        ),
        do: 'retry',
        status: response.status
      });
    }
  }

  /** A proxy or a server without our extension answers with a page, not with a problem. */
  private async _problem(response: Response) {
    const type = response.headers.get('Content-Type') ?? '';
    if (type.startsWith('application/problem+json')) {
      return this._read<ProblemDocument>(response);
    }
    if (response.status === 404) {
      return {
        type: 'no-server-extension',
        detail: this.trans.__(
          'The Jupyter server has no Rucio extension; it may need a restart.'
        ),
        do: 'retry'
      } as const;
    }
    return {
      type: 'unexpected',
      detail: this.trans.__(
        'The Jupyter server answered with status %1.',
        response.status
      ),
      do: 'retry',
      status: response.status
    } as const;
  }

  private readonly _unanswered = new Signal<this, void>(this);
}

function at(instance: string, ...rest: string[]): string {
  return ['instances', encodeURIComponent(instance), ...rest].join('/');
}

function job(id: string, verb: string): string {
  return `jobs/${encodeURIComponent(id)}/${verb}`;
}
