import type { TranslationBundle } from '@jupyterlab/translation';
import {
  closeIcon,
  refreshIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';

import type { JobSnapshot } from '../client/generated';
import { addCommands } from '../components/commands';
import { pauseIcon } from '../components/icons';
import { CommandIDs, type IJobs, type IPanel } from '../tokens';
import { hasFailed, isClearable, isFinished, isUnderWay } from './model';

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
const isOpen = (job: JobSnapshot) => !isFinished(job);

/** Commands about jobs, of one or of all that they fit. Answers their names, for the palette. */
export function addJobCommands(
  commands: CommandRegistry,
  options: { jobs: IJobs; panel: IPanel; trans: TranslationBundle }
): string[] {
  const { jobs, panel, trans } = options;
  const fitting = (fits: (job: JobSnapshot) => boolean, id?: unknown) =>
    (jobs.all ?? []).filter(job => fits(job) && (!id || job.id === id));
  /** What all commands have in common that do one thing with each job that they fit. */
  const each = (
    fits: (job: JobSnapshot) => boolean,
    act: (job: JobSnapshot) => Promise<void>
  ): Pick<
    CommandRegistry.ICommandOptions,
    'describedBy' | 'isEnabled' | 'execute'
  > => ({
    describedBy: { args: JOB },
    isEnabled: args => fitting(fits, args.job).length > 0,
    execute: args => Promise.all(fitting(fits, args.job).map(act))
  });

  return addCommands(commands, {
    [CommandIDs.showJobs]: {
      label: trans.__('Show the Jobs'),
      caption: trans.__('Show what is being staged'),
      execute: () => panel.showTab('jobs')
    },
    [CommandIDs.pauseJobs]: {
      label: trans.__('Pause Staging'),
      caption: trans.__('Pause the running jobs; finished parts are kept'),
      icon: pauseIcon,
      ...each(isUnderWay, job => jobs.change(job.id, 'pause'))
    },
    [CommandIDs.resumeJobs]: {
      label: trans.__('Resume Staging'),
      caption: trans.__('Go on with the paused jobs'),
      icon: runIcon,
      ...each(isPaused, job => jobs.change(job.id, 'resume'))
    },
    [CommandIDs.cancelJobs]: {
      label: trans.__('Cancel Staging'),
      caption: trans.__('Cancel the unfinished jobs; verified files stay'),
      icon: stopIcon,
      ...each(isOpen, job => jobs.change(job.id, 'cancel'))
    },
    [CommandIDs.retryJobs]: {
      label: trans.__('Try Again What Failed'),
      caption: trans.__('Try again the files that could not be staged'),
      icon: refreshIcon,
      ...each(hasFailed, job => jobs.retry(job.id))
    },
    [CommandIDs.clearJobs]: {
      label: trans.__('Clear Finished Jobs'),
      caption: trans.__(
        'Take finished jobs off the list, but those whose files are kept; the files stay'
      ),
      icon: closeIcon,
      isEnabled: () => fitting(isClearable).length > 0,
      execute: () => jobs.clear()
    }
  });
}
