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
