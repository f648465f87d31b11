import type { JobSnapshot, Problem } from '../../client/generated';

/** A job half-way, with what a test wants changed. */
export function jobOf(change: Partial<JobSnapshot> = {}): JobSnapshot {
  return {
    id: '1',
    request: {
      instance: 'atlas',
      dids: [{ scope: 'user.alice', name: 'run1' }],
      rse: null,
      first: null,
      pattern: null,
      confirmed: false,
      pin: false,
      download: false,
      client: 'panel'
    },
    state: 'running',
    cause: null,
    problem: null,
    notice: null,
    files_total: 20,
    files_done: 12,
    files_here: 0,
    files_failed: 0,
    files_unreachable: 0,
    files_unverified: 0,
    bytes_total: 20_100_000,
    bytes_done: 12_500_000,
    bytes_here: 0,
    bytes_per_second: 86_000_000,
    seconds_left: 1,
    free_bytes: null,
    growing: false,
    path: null,
    created_at: 100,
    finished_at: null,
    pinned: false,
    ...change
  };
}

/** Something that stands in the way, with what a test wants changed. */
export function problemOf(change: Partial<Problem> = {}): Problem {
  return {
    type: 'source-failed',
    detail: 'The checksum differs.',
    do: 'retry',
    status: 502,
    exception: null,
    choices: [],
    ...change
  };
}
