import type {
  AddInstanceAsk,
  IClient,
  JobAsk,
  ListingQuery,
  SignInAsk
} from './client';
import type {
  AccountChoices,
  ConfirmJob,
  DemoStatus,
  Did,
  Environment,
  Freed,
  InstanceInfo,
  Instances,
  Jobs,
  JobSnapshot,
  Link,
  ListingPage,
  Metadata,
  Reachability,
  ReplicaTable,
  RetryJob,
  Rules,
  Scopes,
  ServerPath,
  StoreStatus,
  Summaries,
  TransferPage,
  TransferRow
} from './generated';
import type { Transport } from './transport';

/** The client of the server extension: one method a route, no state. */
export class RestClient implements IClient {
  constructor(private readonly server: Transport) {}

  instances(): Promise<Instances> {
    return this.server.get('instances');
  }

  addInstance(instance: AddInstanceAsk): Promise<InstanceInfo> {
    return this.server.post('instances', instance);
  }

  removeInstance(instance: string): Promise<void> {
    return this.server.delete(at(instance));
  }

  signIn(instance: string, how: SignInAsk): Promise<InstanceInfo> {
    return this.server.post(at(instance, 'signin'), how);
  }

  signOut(instance: string): Promise<InstanceInfo> {
    return this.server.post(at(instance, 'signout'));
  }

  accounts(instance: string): Promise<AccountChoices> {
    return this.server.get(at(instance, 'accounts'));
  }

  switchAccount(instance: string, account: string): Promise<InstanceInfo> {
    return this.server.post(at(instance, 'account'), { account });
  }

  examine(instance: string): Promise<Reachability> {
    return this.server.get(at(instance, 'reachability'));
  }

  scopes(
    instance: string,
    filter: string,
    limit: number,
    writable: boolean
  ): Promise<Scopes> {
    return this.server.get(at(instance, 'scopes'), { filter, limit, writable });
  }

  openListing(
    instance: string,
    query: ListingQuery,
    limit: number
  ): Promise<ListingPage> {
    return this.server.post(at(instance, 'listings'), { query, limit });
  }

  readListing(id: string, offset: number, limit: number): Promise<ListingPage> {
    return this.server.get(listing(id), { offset, limit });
  }

  closeListing(id: string): Promise<void> {
    return this.server.delete(listing(id));
  }

  summarize(instance: string, dids: Did[]): Promise<Summaries> {
    return this.server.post(at(instance, 'summaries'), { dids });
  }

  metadata(instance: string, did: Did): Promise<Metadata> {
    return this.server.get(at(instance, 'metadata'), { ...did });
  }

  replicas(instance: string, did: Did): Promise<ReplicaTable> {
    return this.server.get(at(instance, 'replicas'), { ...did });
  }

  rules(instance: string, did: Did): Promise<Rules> {
    return this.server.get(at(instance, 'rules'), { ...did });
  }

  jobs(): Promise<Jobs> {
    return this.server.get('jobs');
  }

  startJob(job: JobAsk): Promise<JobSnapshot> {
    return this.server.post('jobs', { job });
  }

  confirmJob(id: string, part: Partial<ConfirmJob>): Promise<JobSnapshot> {
    return this.server.post(job(id, 'confirm'), part);
  }

  changeJob(
    id: string,
    change: 'pause' | 'resume' | 'cancel'
  ): Promise<JobSnapshot> {
    return this.server.post(job(id, change));
  }

  retryJob(id: string, how: Partial<RetryJob>): Promise<JobSnapshot> {
    return this.server.post(job(id, 'retry'), how);
  }

  pinJob(id: string, pinned: boolean): Promise<JobSnapshot> {
    return this.server.post(job(id, 'pin'), { pinned });
  }

  async clearJobs(ids: string[] | null): Promise<void> {
    await this.server.post('jobs/clear', { job_ids: ids });
  }

  transfers(
    id: string,
    offset: number,
    limit: number,
    state: TransferRow['state'] | null
  ): Promise<TransferPage> {
    return this.server.get(job(id, 'transfers'), { offset, limit, state });
  }

  store(): Promise<StoreStatus> {
    return this.server.get('store');
  }

  evict(instance: string, did: Did): Promise<Freed> {
    return this.server.post(at(instance, 'evict'), { did });
  }

  engine(): Promise<Link> {
    return this.server.get('engine');
  }

  retryEngine(): Promise<Link> {
    return this.server.post('engine/retry');
  }

  environment(): Promise<Environment> {
    return this.server.get('environment');
  }

  serverPath(path: string): Promise<ServerPath> {
    return this.server.get('server-path', { path });
  }

  demo(): Promise<DemoStatus> {
    return this.server.get('demo');
  }

  startDemo(): Promise<DemoStatus> {
    return this.server.post('demo/start');
  }

  stopDemo(): Promise<DemoStatus> {
    return this.server.post('demo/stop');
  }
}

function at(instance: string, ...rest: string[]): string {
  return ['instances', encodeURIComponent(instance), ...rest].join('/');
}

function job(id: string, verb: string): string {
  return `jobs/${encodeURIComponent(id)}/${verb}`;
}

function listing(id: string): string {
  return `listings/${encodeURIComponent(id)}`;
}
