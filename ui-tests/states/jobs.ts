import type { JobSnapshot } from '../../src/client/generated';
import * as jobs from '../fake/jobs';
import type { Panel } from '../panel';
import { type IState, withJobs } from './state';

const showJobs = (panel: Panel) => panel.tab(/Jobs/).click();

/** The Jobs tab. */
export const JOBS: IState[] = [
  {
    name: 'no jobs',
    go: showJobs,
    text: 'Nothing staged yet',
    action: 'Find data'
  },
  {
    name: 'jobs',
    fake: withJobs(jobs.jobs),
    go: showJobs,
    text: 'Waiting for you to confirm',
    action: 'Stage all of it'
  },
  {
    name: 'a job that waits for a cloud',
    fake: withJobs([jobs.waitingForCloud]),
    go: showJobs,
    text: 'The CS3 gateway of CERNBOX refuses your sign-in.',
    action: 'Try now'
  },
  {
    name: 'jobs that wait',
    fake: withJobs(jobs.waiting),
    go: showJobs,
    text: 'Waiting for space',
    action: 'Sign in'
  },
  {
    name: 'jobs that ended',
    fake: withJobs(jobs.over),
    go: showJobs,
    text: 'are unverified',
    action: 'Look again'
  },
  {
    name: 'files of a job',
    fake: withJobs(jobs.over),
    go: async panel => {
      await showJobs(panel);
      await panel
        .button(/^Files of/)
        .first()
        .click();
    },
    text: 'CERNBOX stopped sending.',
    action: /^Copy the path/
  },
  {
    name: 'files that failed',
    fake: withJobs(jobs.over),
    go: async panel => {
      await showJobs(panel);
      await panel.button('Show them').click();
    },
    text: 'CERNBOX stopped sending.',
    action: 'Failed'
  },
  {
    name: 'a tab that cannot be drawn',
    fake: withJobs([{ id: 'nothing else' } as JobSnapshot]),
    go: showJobs,
    text: 'This cannot be shown',
    action: 'Try again'
  }
];
