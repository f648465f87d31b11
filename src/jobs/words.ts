import type { TranslationBundle } from '@jupyterlab/translation';

import { didText } from '../client/did';
import type { JobSnapshot, TransferRow } from '../client/generated';
import { clock, count, duration, size, sizeOf } from '../components/quantity';
import { isUnderWay } from './model';

/** What a job is called: its DID, or the first of several. */
export function jobName(job: JobSnapshot, trans: TranslationBundle): string {
  const [first, ...more] = job.request.dids;
  const name = first ? didText(first) : '';
  return more.length
    ? trans._n('%2 and %1 more', '%2 and %1 more', more.length, name)
    : name;
}

/** The name without its scope, which most rows share. */
export function shortName(job: JobSnapshot, trans: TranslationBundle): string {
  const [first, ...more] = job.request.dids;
  return more.length || !first ? jobName(job, trans) : first.name;
}

/** How a job goes, in numbers: `12.5 of 20.1 MB · 12 / 20 files · 86 MB/s · 1 s left`. */
export function progressFacts(
  job: JobSnapshot,
  trans: TranslationBundle
): string[] {
  const parts = [sizeOf(job.bytes_done, job.bytes_total, trans)];
  parts.push(
    trans.__('%1 / %2 files', count(job.files_done), count(job.files_total))
  );
  if (isUnderWay(job) && job.bytes_per_second > 0) {
    parts.push(trans.__('%1/s', size(job.bytes_per_second)));
  }
  if (job.state === 'running' && job.seconds_left !== null) {
    parts.push(trans.__('%1 left', duration(job.seconds_left, trans)));
  }
  return parts;
}

/** How a finished job ended: `20 files, verified · 19.4 MB · 09:41`. */
export function outcome(job: JobSnapshot, trans: TranslationBundle): string[] {
  const files = trans._n(
    '%2 file',
    '%2 files',
    job.files_done,
    count(job.files_done)
  );
  const parts: string[] = [];
  if (job.files_done > 0) {
    const verified = job.state === 'done' && job.files_unverified === 0;
    parts.push(verified ? trans.__('%1, verified', files) : files);
    parts.push(size(job.state === 'done' ? job.bytes_total : job.bytes_done));
  }
  if (job.finished_at !== null) {
    parts.push(clock(job.finished_at));
  }
  return parts;
}

/** A state in a word or two. */
export function stateWord(job: JobSnapshot, trans: TranslationBundle): string {
  switch (job.state) {
    case 'planning':
      return trans.__('Planning');
    case 'running':
      return trans.__('Running');
    case 'paused':
      return trans.__('Paused');
    case 'waiting':
      return waitingWord(job, trans);
    case 'done':
      return trans.__('Done');
    case 'partial':
      return trans.__('Partly done');
    case 'failed':
      return trans.__('Failed');
    case 'cancelled':
      return trans.__('Cancelled');
  }
}

function waitingWord(
  { cause, problem }: JobSnapshot,
  trans: TranslationBundle
): string {
  switch (cause) {
    case 'signin':
      return problem && problem.do !== 'signin'
        ? trans.__('Waiting for a cloud to take your sign-in')
        : trans.__('Waiting for you to sign in');
    case 'space':
      return trans.__('Waiting for space');
    case 'disk':
      return trans.__('Waiting for the disk');
    case 'network':
      return trans.__('Waiting for the network');
    case 'confirm':
      return trans.__('Waiting for you to confirm');
    case null:
      return trans.__('Waiting');
  }
}

/** The state of one file, in a word or two. */
export function transferWord(
  row: TransferRow,
  trans: TranslationBundle
): string {
  switch (row.state) {
    case 'queued':
      return trans.__('queued');
    case 'running':
      return row.bytes
        ? `${Math.floor((100 * row.bytes_done) / row.bytes)} %`
        : trans.__('running');
    case 'done':
      return row.verified ? trans.__('done') : trans.__('unverified');
    case 'linked':
      return trans.__('was here');
    case 'failed':
      return trans.__('failed');
    case 'tape':
      return trans.__('on tape');
    case 'root-only':
      return trans.__('xrootd only');
    case 'no-replica':
      return trans.__('no replica');
    case 'not-mounted':
      return trans.__('not mounted');
    case 'in-archive':
      return trans.__('in an archive');
    case 'cancelled':
      return trans.__('cancelled');
  }
}
