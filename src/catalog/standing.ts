import type { DidRow, DidSummary, JobSnapshot } from '../client/generated';
import { share } from '../components/quantity';

/** How a DID stands with the user: what its row says at its end. */
export type Standing =
  | { kind: 'unknown' }
  | { kind: 'missing' }
  | { kind: 'running'; share: number }
  | { kind: 'waiting' }
  | { kind: 'paused' }
  | { kind: 'staged' }
  | { kind: 'partial'; here: number; files: number }
  | { kind: 'tape' | 'root-only' | 'none' }
  | { kind: 'stageable' };

/** A job that runs says more than the catalogue, and what is here more than where the rest is. */
export function standing(
  row: DidRow,
  summary: DidSummary | undefined,
  job: JobSnapshot | null
): Standing {
  if (row.missing) {
    return { kind: 'missing' };
  }
  if (job) {
    if (job.state === 'waiting' || job.state === 'paused') {
      return { kind: job.state };
    }
    return { kind: 'running', share: share(job.bytes_done, job.bytes_total) };
  }
  if (!summary) {
    return { kind: 'unknown' };
  }
  const { staged_files: here, reach, open } = summary;
  const files = summary.files ?? (summary.type === 'file' ? 1 : null);
  if (here > 0) {
    return files !== null && here >= files && !open
      ? { kind: 'staged' }
      : { kind: 'partial', here, files: files ?? here };
  }
  return reach === 'http' || reach === 'mount'
    ? { kind: 'stageable' }
    : { kind: reach };
}
