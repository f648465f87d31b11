import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  checkIcon,
  closeIcon,
  copyIcon,
  folderIcon,
  type LabIcon,
  refreshIcon,
  runIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ConfirmJob, JobSnapshot } from '../client/generated';
import { IconButton, type IIconButtonProps } from '../components/button';
import { pauseIcon, pinIcon } from '../components/icons';
import { Name } from '../components/name';
import { Progress } from '../components/progress';
import { share } from '../components/quantity';
import { Breakable, Facts } from '../components/texts';
import { ConfirmForm } from './confirm';
import { hasFailed, isFinished, isUnderWay } from './model';
import { JobTrouble, offersRetry } from './trouble';
import { jobName, outcome, progressFacts, shortName, stateWord } from './words';

/** What can be done with a job. */
export interface IJobActions {
  pause: () => void;
  resume: () => void;
  cancel: () => void;
  retry: (download?: boolean) => void;
  confirm: (part: Partial<ConfirmJob>) => void;
  pin: (pinned: boolean) => void;
  clear: () => void;
  signIn: () => void;
  copyPath: () => void;
  /** Null where the folder cannot be shown. */
  reveal: (() => void) | null;
  /** Show all its files. */
  showFiles: () => void;
  /** Show only the files that failed. */
  showFailed: () => void;
  /** Show its DIDs in the catalogue, with their replicas and rules. */
  explore: () => void;
}

export interface IJobCardProps {
  job: JobSnapshot;
  /** Width of the list, in pixels. */
  width: number;
  /** Width of a text in bold. */
  measure: (text: string) => number;
  /** Names of the jobs beside it. */
  neighbours: readonly string[];
  expanded: boolean;
  trans: TranslationBundle;
  actions: IJobActions;
  onExpand: () => void;
  /** The files, where they are shown. */
  children?: React.ReactNode;
}

/** Width of a job's head that is neither its name nor its buttons, and of one of these. */
const [AROUND, BUTTON] = [40, 26];

/** One job: what it brings, how far it is, what stands in its way, and what can be done. */
export function JobCard(props: IJobCardProps): JSX.Element {
  const { job, expanded, trans, actions, onExpand, children } = props;
  const name = jobName(job, trans);
  const buttons = buttonsOf(job, actions, trans);
  const Caret = expanded ? caretDownIcon : caretRightIcon;
  return (
    <li className="jp-Rucio-job" aria-label={name}>
      <div className="jp-Rucio-job-head">
        <button
          type="button"
          className="jp-Rucio-job-name"
          aria-expanded={expanded}
          aria-label={trans.__('Files of %1', name)}
          onClick={onExpand}
        >
          <Caret.react tag="span" aria-hidden="true" />
          <Name
            name={shortName(job, trans)}
            width={props.width - AROUND - buttons.length * BUTTON}
            measure={props.measure}
            neighbours={props.neighbours}
            lines={expanded ? 2 : 1}
          />
        </button>
        <span className="jp-Rucio-job-buttons">
          {buttons.map(({ slot, ...button }) => (
            <IconButton key={slot} {...button} />
          ))}
        </span>
      </div>
      <Progress
        value={progressOf(job)}
        tone={toneOf(job)}
        label={trans.__('Progress of %1', name)}
      />
      <Numbers job={job} trans={trans} />
      {job.notice && <p className="jp-Rucio-line jp-mod-warn">{job.notice}</p>}
      <JobTrouble job={job} trans={trans} actions={actions} />
      {job.state === 'waiting' && job.cause === 'confirm' && (
        <ConfirmForm
          job={job}
          trans={trans}
          onConfirm={actions.confirm}
          onCancel={actions.cancel}
        />
      )}
      {expanded && (
        <>
          {job.path && job.files_done > 0 && (
            <p className="jp-Rucio-line jp-Rucio-path">
              <span>
                <Breakable text={job.path} />
              </span>
              <IconButton
                icon={copyIcon}
                label={trans.__('Copy the path')}
                onClick={actions.copyPath}
              />
              <IconButton
                icon={pinIcon}
                label={
                  job.pinned
                    ? trans.__('Stop keeping the files')
                    : trans.__('Keep the files, whatever else needs room')
                }
                aria-pressed={job.pinned}
                onClick={() => actions.pin(!job.pinned)}
              />
            </p>
          )}
          {children}
        </>
      )}
    </li>
  );
}

interface IPartProps {
  job: JobSnapshot;
  trans: TranslationBundle;
}

function Numbers({ job, trans }: IPartProps): JSX.Element {
  const word = stateWord(job, trans);
  if (job.state === 'done') {
    return (
      <p className="jp-Rucio-line jp-mod-good">
        <checkIcon.react tag="span" aria-hidden="true" />
        <Facts facts={outcome(job, trans)} />
      </p>
    );
  }
  if (isFinished(job)) {
    return (
      <p className="jp-Rucio-line">
        <Facts facts={[word, ...outcome(job, trans)]} />
      </p>
    );
  }
  if (job.state === 'running') {
    return (
      <p className="jp-Rucio-line">
        <Facts facts={progressFacts(job, trans)} />
      </p>
    );
  }
  const told = job.bytes_total > 0 && job.cause !== 'confirm';
  return (
    <p className="jp-Rucio-line">
      <Facts facts={told ? [word, ...progressFacts(job, trans)] : [word]} />
    </p>
  );
}

/** A button, and what it is for: one that takes the place of another keeps the focus that this had. */
type JobButton = IIconButtonProps & { slot: 'run' | 'reveal' | 'end' };

/** The buttons of a job, those that fit its state. */
function buttonsOf(
  job: JobSnapshot,
  actions: IJobActions,
  trans: TranslationBundle
): JobButton[] {
  const open = !isFinished(job);
  const buttons: JobButton[] = [];
  const add = (
    slot: JobButton['slot'],
    icon: LabIcon,
    label: string,
    onClick: () => void
  ) => buttons.push({ slot, icon, label, onClick });
  if (isUnderWay(job)) {
    add('run', pauseIcon, trans.__('Pause'), actions.pause);
  }
  if (job.state === 'paused') {
    add('run', runIcon, trans.__('Resume'), actions.resume);
  }
  if (hasFailed(job) && !offersRetry(job)) {
    const label = trans.__('Try again what failed');
    add('run', refreshIcon, label, () => actions.retry());
  }
  if (isFinished(job) && job.path && actions.reveal) {
    const label = trans.__('Show in the file browser');
    add('reveal', folderIcon, label, actions.reveal);
  }
  add(
    'end',
    closeIcon,
    open ? trans.__('Cancel') : trans.__('Take off the list'),
    open ? actions.cancel : actions.clear
  );
  return buttons;
}

/** Null while the plan is not yet known: then the bar only says that something happens. */
function progressOf(job: JobSnapshot): number | null {
  if (job.state === 'done') {
    return 1;
  }
  if (job.state === 'planning' && job.bytes_total === 0) {
    return null;
  }
  return job.bytes_total > 0
    ? share(job.bytes_done, job.bytes_total)
    : share(job.files_done, job.files_total);
}

function toneOf(job: JobSnapshot): 'run' | 'good' | 'warn' | 'still' {
  switch (job.state) {
    case 'done':
      return 'good';
    case 'partial':
    case 'failed':
    case 'waiting':
      return 'warn';
    case 'paused':
    case 'cancelled':
      return 'still';
    default:
      return 'run';
  }
}
