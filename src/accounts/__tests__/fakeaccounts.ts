import type { IAccountsClient } from '../../client/client';
import type { InstanceInfo } from '../../client/generated';
import { instanceOf } from './instance';

/** An instance of a name, and how far the user is signed in there. */
export const named = (
  name: string,
  state: InstanceInfo['account']['state'] = 'signed-in'
): InstanceInfo =>
  instanceOf({ name, account: { ...instanceOf().account, state } });

/** The instances of a server in memory. */
export class FakeAccounts implements IAccountsClient {
  list = [named('atlas'), named('escape')];

  async instances() {
    return {
      instances: this.list,
      default: 'escape',
      problem: null
    };
  }

  async addInstance() {
    const added = named('cms', 'signed-out');
    this.list = [...this.list, added];
    return added;
  }

  async removeInstance(name: string) {
    this.list = this.list.filter(instance => instance.name !== name);
  }

  signIn = async (name: string) => named(name);
  signOut = async (name: string) => named(name, 'signed-out');
  switchAccount = async (name: string) => named(name);
  examine = () => Promise.reject(new Error('not asked'));
  accounts = async () => ({ accounts: ['alice', 'bob'], current: 'alice' });
}
