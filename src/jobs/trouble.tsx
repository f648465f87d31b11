import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JobSnapshot } from '../client/generated';
import { noteIcon, warningIcon } from '../components/icons';
import { type IAction, type IStripProps, Strip } from '../components/notice';
import { count, size } from '../components/quantity';
import type { IJobActions } from './jobcard';
import { type Remedy, remedyOf } from './remedy';

export interface IJobTroubleProps {
  job: JobSnapshot;
  trans: TranslationBundle;
  actions: IJobActions;
}

/** What stands in the way of a job, or what became of its files, each with its one remedy. */
export function JobTrouble(props: IJobTroubleProps): JSX.Element {
  const strips = [
    ...waiting(props),
    ...failed(props),
    ...unreachable(props),
    ...remarks(props)
  ];
  return (
    <>
      {strips.map(strip => (
        <Strip key={strip.text} {...strip} />
      ))}
    </>
  );
}

const warn = (text: string, action: IAction | null): IStripProps => ({
  tone: 'warn',
  icon: warningIcon,
  text,
  action
});

/** Why a job waits; confirmation has a form of its own. */
function waiting({ job, trans, actions }: IJobTroubleProps): IStripProps[] {
  if (job.state !== 'waiting' || job.cause === 'confirm') {
    return [];
  }
  const why = job.problem?.detail;
  const again = { label: trans.__('Try now'), run: () => actions.retry() };
  switch (job.cause) {
    case 'signin':
      if (job.problem && job.problem.do !== 'signin') {
        return [warn(job.problem.detail, again)]; // not Rucio's, but a cloud's
      }
      return [
        warn(
          why ??
            trans.__(
              'The sign-in has lapsed. Nothing is lost; sign in to go on.'
            ),
          { label: trans.__('Sign in'), run: actions.signIn }
        )
      ];
    case 'space': {
      const free =
        job.free_bytes === null
          ? ''
          : trans.__('%1 free.', size(job.free_bytes).replace(' ', '\u00a0'));
      const text = why ?? trans.__('There is no room for the rest.');
      return [warn([text, free].filter(Boolean).join(' '), again)];
    }
    case 'disk':
      return [warn(why ?? trans.__('The disk cannot be written.'), again)];
    default:
      return [
        warn(
          why ?? trans.__('The network is gone. It goes on once it is back.'),
          again
        )
      ];
  }
}

/** The files that failed; the job's problem tells of the first, or of all where they agree. */
function failed({ job, trans, actions }: IJobTroubleProps): IStripProps[] {
  if (job.state === 'waiting') {
    return [];
  }
  if (job.files_failed > 0) {
    const many = trans._n(
      '%2 of %3 files failed.',
      '%2 of %3 files failed.',
      job.files_failed,
      count(job.files_failed),
      count(job.files_total)
    );
    return [
      {
        tone: 'error',
        icon: warningIcon,
        text: [many, job.problem?.detail].filter(Boolean).join(' '),
        action: { label: trans.__('Show them'), run: actions.showFailed }
      }
    ];
  }
  if (!job.problem || job.files_unreachable > 0) {
    return [];
  }
  return [
    {
      tone: 'error',
      icon: warningIcon,
      text: job.problem.detail,
      action: actionFor({ job, trans, actions })
    }
  ];
}

/** The files that cannot be had from here at all. */
function unreachable(props: IJobTroubleProps): IStripProps[] {
  const { job, trans } = props;
  if (job.files_unreachable === 0 || job.state === 'waiting') {
    return [];
  }
  const many = trans._n(
    '%2 file cannot be had from here.',
    '%2 files cannot be had from here.',
    job.files_unreachable,
    count(job.files_unreachable)
  );
  const why = job.files_failed > 0 ? null : job.problem?.detail;
  return [warn([many, why].filter(Boolean).join(' '), actionFor(props))];
}

/** What is worth knowing of files that are here. */
function remarks({ job, trans, actions }: IJobTroubleProps): IStripProps[] {
  const strips: IStripProps[] = [];
  const add = (text: string, action: IAction | null) =>
    strips.push({ tone: 'info', icon: noteIcon, text, action });
  if (job.files_unverified > 0) {
    add(
      trans._n(
        '%2 file is unverified: Rucio knows no checksum of it.',
        '%2 files are unverified: Rucio knows no checksum of them.',
        job.files_unverified,
        count(job.files_unverified)
      ),
      { label: trans.__('Show the files'), run: actions.showFiles }
    );
  }
  if (job.growing) {
    add(trans.__('Still growing: more files may come.'), {
      label: trans.__('Look again'),
      run: () => actions.retry()
    });
  }
  return strips;
}

/** The action that mends a job's problem. */
function actionFor({ job, trans, actions }: IJobTroubleProps): IAction | null {
  const offers: Record<Remedy, IAction> = {
    retry: { label: trans.__('Try again'), run: () => actions.retry() },
    download: { label: trans.__('Download'), run: () => actions.retry(true) },
    signin: { label: trans.__('Sign in'), run: actions.signIn },
    replicas: { label: trans.__('Show the replicas'), run: actions.explore },
    explore: { label: trans.__('Show it in Explore'), run: actions.explore }
  };
  const remedy = remedyOf(job.problem);
  return remedy && offers[remedy];
}

/** Whether its trouble comes with the offer to try again, so that no other place need make it. */
export function offersRetry({ problem, files_failed }: JobSnapshot): boolean {
  return files_failed === 0 && remedyOf(problem) === 'retry';
}
