import type { FakeServer } from '../fake/server';
import type { Panel } from '../panel';

/** What brings the panel into a state, and what is then seen with the one action it offers. */
export interface IState {
  name: string;
  fake?: (fake: FakeServer) => void;
  go?: (panel: Panel) => Promise<void>;
  text: string | RegExp;
  action: string | RegExp;
}

/** Ask for something that has an answer. */
export async function search(panel: Panel): Promise<void> {
  await panel.tab('Explore').click();
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
}

/** Search, and choose the row at this place. */
export function choose(row: number): (panel: Panel) => Promise<void> {
  return async panel => {
    await search(panel);
    await panel.rows.nth(row).click();
  };
}

export function withJobs(jobs: FakeServer['jobs']): (fake: FakeServer) => void {
  return fake => {
    fake.jobs = jobs;
  };
}
