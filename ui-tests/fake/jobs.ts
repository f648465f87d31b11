/** Jobs in every state there is, and their files. */
import type {
  JobSnapshot,
  Problem,
  TransferPage,
  TransferRow
} from '../../src/client/generated';
import { jobOf, problemOf } from '../../src/jobs/__tests__/job';
import { dataset, file } from './data';

const NOW = Date.now() / 1000;

let number = 0;

/** A job that is the newest after those that were made before. */
export function job(change: Partial<JobSnapshot>): JobSnapshot {
  number += 1;
  const made = jobOf({
    id: `job-${number}`,
    free_bytes: 212_000_000_000,
    path: '/data/alice/rucio/data25_13p6TeV/data25_13p6TeV.00358044.physics_Main',
    created_at: NOW - number * 60,
    ...change
  });
  const { dids } = change.request ?? { dids: [dataset(number).did] };
  return { ...made, request: { ...made.request, dids } };
}

const ended = {
  finished_at: NOW - 600,
  bytes_per_second: 0,
  seconds_left: null
};
const whole = { files_done: 20, bytes_done: 20_100_000 };

/** Jobs that are on their way, or are so once the user says so. */
export const begun: JobSnapshot[] = [
  job({ request: { ...jobOf().request, dids: [dataset(38).did] } }),
  job({
    files_total: 5000,
    files_done: 3120,
    bytes_total: 49_000_000,
    bytes_done: 30_600_000,
    bytes_per_second: 41_000_000,
    seconds_left: 75,
    notice: 'CERN-PROD is slow; using CERNBOX for the rest.'
  }),
  job({
    state: 'planning',
    files_total: 0,
    files_done: 0,
    bytes_total: 0,
    bytes_done: 0
  }),
  job({ state: 'paused', bytes_per_second: 0, seconds_left: null }),
  job({
    state: 'waiting',
    cause: 'confirm',
    files_total: 60,
    files_done: 0,
    files_here: 3,
    bytes_done: 0,
    bytes_total: 1_240_000_000_000
  })
];

/** What the engine says of a cloud that has ceased to take the user's sign-in. */
const closedCloud = problemOf({
  type: 'cs3-signin',
  detail:
    'The CS3 gateway of CERNBOX refuses your sign-in. Renew the token or password where it comes ' +
    'from, for example by signing in there again; `jupyter rucio doctor` tells more. Nothing is ' +
    'lost: the files go on by themselves then.',
  do: 'retry'
});

export const waitingForCloud = job({
  state: 'waiting',
  cause: 'signin',
  problem: closedCloud
});

/** Jobs that wait for something to change, one for each cause. */
export const waiting: JobSnapshot[] = [
  job({
    state: 'waiting',
    cause: 'signin',
    problem: problemOf({
      type: 'sign-in-needed',
      detail:
        'Your sign-in at ATLAS has lapsed. The job goes on once you have signed in.',
      do: 'signin'
    })
  }),
  waitingForCloud,
  job({ state: 'waiting', cause: 'space', free_bytes: 31_000_000 }),
  job({
    state: 'waiting',
    cause: 'disk',
    problem: problemOf({
      type: 'disk-error',
      detail:
        'The folder /data/alice/rucio/.store cannot be written: Read-only file system. Mend that, or name another folder with the keys store_dir and views_dir; the job then goes on.',
      do: 'configure'
    })
  }),
  job({ state: 'waiting', cause: 'network' })
];

/** Jobs that have ended, well or not. */
export const over: JobSnapshot[] = [
  job({
    ...ended,
    state: 'partial',
    files_total: 60,
    files_done: 58,
    files_failed: 2,
    problem: problemOf({
      type: 'source-failed',
      detail:
        'The checksum differs at CERN-PROD and there is no other replica.',
      do: 'retry'
    })
  }),
  job({
    ...ended,
    state: 'partial',
    files_unreachable: 8,
    problem: problemOf({
      type: 'unreachable',
      detail: 'They are on tape; recall them with a rule first.',
      do: 'recall'
    })
  }),
  job({
    ...ended,
    state: 'failed',
    files_done: 0,
    bytes_done: 0,
    problem: problemOf({
      type: 'not-found',
      detail: 'Rucio does not know this DID any more.',
      do: 'refresh'
    })
  }),
  job({
    ...ended,
    ...whole,
    state: 'done',
    files_unverified: 3,
    growing: true,
    pinned: true
  }),
  job({ ...ended, ...whole, state: 'done' }),
  job({ ...ended, state: 'cancelled' })
];

/** One job in each state, with each cause of waiting and each kind of trouble. */
export const jobs = [...begun, ...waiting, ...over];

/** What the engine says of a file, where it says anything. */
const PROBLEMS: Partial<Record<TransferRow['state'], Problem>> = {
  failed: problemOf({
    detail:
      "The checksum of the copy at CERN-PROD differs from the catalogue's. CERNBOX stopped sending."
  }),
  tape: problemOf({
    type: 'tape',
    detail:
      'The file is on tape only. Ask for a copy on disk with a rule, then stage it.',
    do: 'recall'
  }),
  'root-only': problemOf({
    type: 'root-only',
    detail:
      'The file is reachable only by xrootd, which cannot be read here yet.',
    do: 'choose'
  }),
  'no-replica': problemOf({
    type: 'no-replica',
    detail: 'Rucio knows no available replica of the file.',
    do: 'wait'
  }),
  'not-mounted': problemOf({
    type: 'not-mounted',
    detail:
      'The file is not on CERNBOX, which is mounted here. It can be downloaded instead.',
    do: 'choose'
  }),
  'in-archive': problemOf({
    type: 'in-archive',
    detail:
      'The file lies inside a zip archive, out of which it cannot be taken yet.',
    do: 'none'
  })
};

/** The files of a job, in every state there is; or those that failed. */
export function transfers(
  offset: number,
  limit: number,
  failed: boolean
): TransferPage {
  const states = [
    'done',
    'running',
    'failed',
    'queued',
    'linked',
    'tape',
    'root-only',
    'no-replica',
    'not-mounted',
    'in-archive',
    'cancelled',
    'done'
  ] as const;
  const rows = Array.from({ length: 5000 }, (_, index) => {
    const row = file('run44', index);
    const state = states[index % states.length];
    return {
      did: row.did,
      state,
      bytes: row.bytes,
      bytes_done: state === 'running' ? 400_000 : 0,
      rse: 'CERN-PROD',
      path: ['done', 'linked'].includes(state)
        ? `/data/alice/rucio/run44/${row.did.name}`
        : null,
      verified: index % states.length !== 11,
      problem: PROBLEMS[state] ?? null
    };
  }).filter(row => !failed || row.state === 'failed');
  return {
    rows: rows.slice(offset, offset + limit),
    offset,
    total: rows.length
  };
}
