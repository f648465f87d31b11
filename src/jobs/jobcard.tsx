import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  checkIcon,
  closeIcon,
  copyIcon,
  folderIcon,
  refreshIcon,
  runIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ConfirmJob, JobSnapshot } from '../client/generated';
import { IconButton } from '../components/button';
import { pauseIcon, pinIcon } from '../components/icons';
import { Name } from '../components/name';
import { Progress } from '../components/progress';
import { share } from '../components/quantity';
import { ConfirmForm } from './confirm';
import { isFinished, isUnderWay } from './model';
import { JobTrouble } from './trouble';
import { jobName, outcome, progressText, shortName, stateWord } from './words';

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
  /** Show only the files that failed. */
  showFailed: () => void;
  /** Show its DIDs in the catalogue, with their replicas and rules. */
  explore: () => void;
}

export interface IJobCardProps {
  job: JobSnapshot;
  /** Room for the name, in pixels. */
  width: number;
  measure: (text: string) => number;
  /** Names of the other jobs. */
  neighbours: readonly string[];
  expanded: boolean;
  trans: TranslationBundle;
  actions: IJobActions;
  onExpand: () => void;
  /** The files, where they are shown. */
  children?: React.ReactNode;
}

/** One job: what it brings, how far it is, what stands in its way, and what can be done. */
export function JobCard(props: IJobCardProps): JSX.Element {
  const { job, expanded, trans, actions, onExpand, children } = props;
  const name = jobName(job, trans);
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
            width={props.width}
            measure={props.measure}
            neighbours={props.neighbours}
          />
        </button>
        <Buttons job={job} trans={trans} actions={actions} />
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
              <span title={job.path}>{job.path}</span>
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
        {outcome(job, trans)}
      </p>
    );
  }
  if (isFinished(job)) {
    return (
      <p className="jp-Rucio-line">
        {word} · {outcome(job, trans)}
      </p>
    );
  }
  if (job.state === 'running') {
    return <p className="jp-Rucio-line">{progressText(job, trans)}</p>;
  }
  const told = job.bytes_total > 0 && job.cause !== 'confirm';
  return (
    <p className="jp-Rucio-line">
      {told ? `${word} · ${progressText(job, trans)}` : word}
    </p>
  );
}

function Buttons(props: IPartProps & { actions: IJobActions }): JSX.Element {
  const { job, trans, actions } = props;
  const open = !isFinished(job);
  return (
    <span className="jp-Rucio-job-buttons">
      {isUnderWay(job) && (
        <IconButton
          icon={pauseIcon}
          label={trans.__('Pause')}
          onClick={actions.pause}
        />
      )}
      {job.state === 'paused' && (
        <IconButton
          icon={runIcon}
          label={trans.__('Resume')}
          onClick={actions.resume}
        />
      )}
      {['partial', 'failed', 'cancelled'].includes(job.state) && (
        <IconButton
          icon={refreshIcon}
          label={trans.__('Try again what failed')}
          onClick={() => actions.retry()}
        />
      )}
      {isFinished(job) && job.path && actions.reveal && (
        <IconButton
          icon={folderIcon}
          label={trans.__('Show in the file browser')}
          onClick={actions.reveal}
        />
      )}
      <IconButton
        icon={closeIcon}
        label={open ? trans.__('Cancel') : trans.__('Take off the list')}
        onClick={open ? actions.cancel : actions.clear}
      />
    </span>
  );
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
