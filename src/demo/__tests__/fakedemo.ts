import type { IDemoClient } from '../../client/client';
import type { DemoStatus } from '../../client/generated';

/** A stopped demo, with what a test wants changed. */
export const statusOf = (change: Partial<DemoStatus> = {}): DemoStatus => ({
  state: 'stopped',
  folder: '/demo',
  log: '/demo/demo.log',
  needs: null,
  steps: [],
  instance: null,
  scope: null,
  problem: null,
  ...change
});

/** A demo that comes up at the third look. */
export class FakeDemo implements IDemoClient {
  looks = 0;
  status = statusOf();

  async demo() {
    this.looks += 1;
    if (this.status.state === 'starting' && this.looks > 2) {
      this.status = statusOf({ state: 'up', instance: 'demo', scope: 's' });
    }
    return this.status;
  }

  async startDemo() {
    this.status = statusOf({ state: 'starting' });
    return this.status;
  }

  async stopDemo() {
    this.status = statusOf();
    return this.status;
  }
}
