import { type ISignal, Signal } from '@lumino/signaling';

import type {
  AddInstanceAsk,
  IAccountsClient,
  SignInAsk
} from '../client/client';
import { Current } from '../client/current';
import type { IEvents } from '../client/events';
import type { Obstacle } from '../client/failure';
import type {
  InstanceInfo,
  Instances,
  InstancesEvent,
  Reachability
} from '../client/generated';

/** The instances that the user can talk to, the one he talks to now, and who he is there. */
export interface IAccounts {
  readonly changed: ISignal<IAccounts, void>;
  /** Null until they were read, or while they cannot be. */
  readonly known: Instances | null;
  /** Why they cannot be read. */
  readonly obstacle: Obstacle | null;
  readonly current: InstanceInfo | null;
  /** The current instance's name, unless the user is signed out there. A lapse keeps it. */
  readonly usable: string | null;

  refresh(): Promise<void>;
  select(instance: string): void;
  /** The accounts that the user may act as, those of the last time where Rucio is slow; none where it cannot tell. */
  choices(): Promise<readonly string[]>;
  /** These reject with `Failure`; the place that asked shows it. */
  examine(instance: string): Promise<Reachability>;
  signIn(instance: string, how: SignInAsk): Promise<void>;
  signOut(instance: string): Promise<void>;
  switchAccount(instance: string, account: string): Promise<void>;
  add(instance: AddInstanceAsk): Promise<void>;
  remove(instance: string): Promise<void>;
}

export interface IAccountsOptions {
  client: IAccountsClient;
  events: IEvents;
}

/** Milliseconds that who chooses waits for Rucio. */
const PATIENCE = 1000;

export class Accounts implements IAccounts {
  constructor(options: IAccountsOptions) {
    this._client = options.client;
    this._current = new Current(
      () => options.client.instances(),
      () => this.changed.emit()
    );
    options.events.instances.connect(this._onEvent, this);
    options.events.missed.connect(this.refresh, this);
    void this.refresh();
  }

  readonly changed = new Signal<this, void>(this);

  get known(): Instances | null {
    return this._current.value;
  }

  get obstacle(): Obstacle | null {
    return this._current.obstacle;
  }

  get current(): InstanceInfo | null {
    const all = this.known?.instances ?? [];
    const named = (name: string | null | undefined) =>
      all.find(instance => instance.name === name);
    return named(this._chosen) ?? named(this.known?.default) ?? all[0] ?? null;
  }

  get usable(): string | null {
    const current = this.current;
    return current && current.account.state !== 'signed-out'
      ? current.name
      : null;
  }

  refresh(): Promise<void> {
    return this._current.refresh();
  }

  select(instance: string): void {
    this._chosen = instance;
    this.changed.emit();
  }

  async choices(): Promise<readonly string[]> {
    const instance = this.usable;
    if (!instance) {
      return [];
    }
    await Promise.race([
      this._askChoices(instance),
      new Promise(resolve => window.setTimeout(resolve, PATIENCE))
    ]);
    return this._choices.get(instance) ?? [];
  }

  examine(instance: string): Promise<Reachability> {
    return this._client.examine(instance);
  }

  async signIn(instance: string, how: SignInAsk): Promise<void> {
    await this._take(this._client.signIn(instance, how));
  }

  async signOut(instance: string): Promise<void> {
    await this._take(this._client.signOut(instance));
  }

  async switchAccount(instance: string, account: string): Promise<void> {
    await this._take(this._client.switchAccount(instance, account));
  }

  async add(instance: AddInstanceAsk): Promise<void> {
    const added = await this._client.addInstance(instance);
    await this.refresh();
    this.select(added.name);
  }

  async remove(instance: string): Promise<void> {
    await this._client.removeInstance(instance);
    await this.refresh();
  }

  private _onEvent(_: IEvents, event: InstancesEvent): void {
    this._current.change(known => ({
      ...known,
      instances: event.instances
        .reduce(withInstance, known.instances)
        .filter(({ name }) => !event.gone.includes(name))
    }));
  }

  private async _askChoices(instance: string): Promise<void> {
    // What is wrong shows where Rucio is asked next.
    const asked = this._turns;
    const answer = await this._client.accounts(instance).catch(() => null);
    if (asked === this._turns) {
      this._choices.set(instance, answer?.accounts ?? []);
    }
  }

  private async _take(answer: Promise<InstanceInfo>): Promise<void> {
    const change = answer.then(instance => (known: Instances) => ({
      ...known,
      instances: withInstance(known.instances, instance)
    }));
    await this._current.changeLater(change);
    this._turns += 1;
    this._choices.clear(); // it may be somebody else by now
  }

  private readonly _client: IAccountsClient;
  private readonly _current: Current<Instances>;
  private _chosen: string | null = null;
  /** What Rucio told the last time, by instance. */
  private readonly _choices = new Map<string, readonly string[]>();
  /** How often the user has signed in or out, or become another account. */
  private _turns = 0;
}

/** The instances with this one in the place of its name, or at the end. */
function withInstance(
  instances: readonly InstanceInfo[],
  one: InstanceInfo
): InstanceInfo[] {
  return instances.some(({ name }) => name === one.name)
    ? instances.map(each => (each.name === one.name ? one : each))
    : [...instances, one];
}
