import type { TranslationBundle } from '@jupyterlab/translation';
import {
  closeIcon,
  refreshIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';

import type { JobSnapshot } from '../client/generated';
import { pauseIcon } from '../components/icons';
import { CommandIDs, type IJobs, type IPanel } from '../tokens';
import { isFinished, isUnderWay } from './model';

const NOTHING = { type: 'object', properties: {} } as const;
const JOB = {
  type: 'object',
  properties: {
    job: {
      type: 'string',
      description: 'Identifier of a job; absent: all that this fits.'
    }
  }
} as const;

const isPaused = (job: JobSnapshot) => job.state === 'paused';
const hasFailed = (job: JobSnapshot) =>
  ['partial', 'failed', 'cancelled'].includes(job.state);

/** Commands about jobs, of one or of all that they fit. Answers their names, for the palette. */
export function addJobCommands(
  commands: CommandRegistry,
  options: { jobs: IJobs; panel: IPanel; trans: TranslationBundle }
): string[] {
  const { jobs, panel, trans } = options;
  const fitting = (fits: (job: JobSnapshot) => boolean, id: unknown) =>
    (jobs.all ?? []).filter(job => fits(job) && (!id || job.id === id));
  const each = async (
    fits: (job: JobSnapshot) => boolean,
    id: unknown,
    act: (job: JobSnapshot) => Promise<void>
  ) => {
    await Promise.all(fitting(fits, id).map(act));
  };

  commands.addCommand(CommandIDs.showJobs, {
    label: trans.__('Show the Jobs'),
    caption: trans.__('Show what is being staged'),
    describedBy: { args: NOTHING },
    execute: () => panel.showTab('jobs')
  });
  commands.addCommand(CommandIDs.pauseJobs, {
    label: trans.__('Pause Staging'),
    caption: trans.__('Pause the running jobs; finished parts are kept'),
    icon: pauseIcon,
    describedBy: { args: JOB },
    isEnabled: args => fitting(isUnderWay, args.job).length > 0,
    execute: args =>
      each(isUnderWay, args.job, job => jobs.change(job.id, 'pause'))
  });
  commands.addCommand(CommandIDs.resumeJobs, {
    label: trans.__('Resume Staging'),
    caption: trans.__('Go on with the paused jobs'),
    icon: runIcon,
    describedBy: { args: JOB },
    isEnabled: args => fitting(isPaused, args.job).length > 0,
    execute: args =>
      each(isPaused, args.job, job => jobs.change(job.id, 'resume'))
  });
  commands.addCommand(CommandIDs.cancelJobs, {
    label: trans.__('Cancel Staging'),
    caption: trans.__('Cancel the unfinished jobs; verified files stay'),
    icon: stopIcon,
    describedBy: { args: JOB },
    isEnabled: args => fitting(job => !isFinished(job), args.job).length > 0,
    execute: args =>
      each(
        job => !isFinished(job),
        args.job,
        job => jobs.change(job.id, 'cancel')
      )
  });
  commands.addCommand(CommandIDs.retryJobs, {
    label: trans.__('Try Again What Failed'),
    caption: trans.__('Try again the files that could not be staged'),
    icon: refreshIcon,
    describedBy: { args: JOB },
    isEnabled: args => fitting(hasFailed, args.job).length > 0,
    execute: args => each(hasFailed, args.job, job => jobs.retry(job.id))
  });
  commands.addCommand(CommandIDs.clearJobs, {
    label: trans.__('Clear Finished Jobs'),
    caption: trans.__('Take finished jobs off the list; their files stay'),
    icon: closeIcon,
    describedBy: { args: NOTHING },
    isEnabled: () => fitting(isFinished, null).length > 0,
    execute: () => jobs.clear()
  });
  return [
    CommandIDs.showJobs,
    CommandIDs.pauseJobs,
    CommandIDs.resumeJobs,
    CommandIDs.cancelJobs,
    CommandIDs.retryJobs,
    CommandIDs.clearJobs
  ];
}
