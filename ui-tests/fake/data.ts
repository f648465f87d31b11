/** Answers of a Rucio that does not exist, for the states that a real one is seldom in. */
import { instanceOf } from '../../src/accounts/__tests__/instance';
import type {
  DemoStatus,
  DidRow,
  DidSummary,
  Instances,
  ListingPage,
  Metadata,
  ReplicaTable,
  Rules,
  StoreStatus
} from '../../src/client/generated';

const SCOPE = 'data25_13p6TeV';
const NOW = Date.now() / 1000;

export const instance = instanceOf({
  account: { ...instanceOf().account, expires_at: NOW + 6000, renewable: true },
  source_detail: 'c.RucioConfig.instances[0]',
  default_account: 'alice',
  default_username: 'alice'
});

export const instances: Instances = {
  instances: [
    instance,
    {
      ...instance,
      name: 'escape',
      display_name: 'ESCAPE data lake',
      source: 'user'
    }
  ],
  default: 'atlas',
  problem: null
};

/** A dataset with a name as the experiments give them. */
export function dataset(run: number): DidRow {
  const name =
    `${SCOPE}.${String(358000 + run).padStart(8, '0')}.physics_Main.deriv.` +
    'DAOD_PHYSLITE.r15774_r15775_p6697_tid4215821_00_sub0603' +
    (run % 3 === 0
      ? '_reprocessed_with_calibration_2026_winter_campaign_final'
      : '');
  return {
    did: { scope: SCOPE, name },
    type: run % 7 === 3 ? 'container' : 'dataset',
    bytes: null,
    files: null,
    adler32: null,
    missing: false
  };
}

export function file(of: string, number: number): DidRow {
  const name = `DAOD_PHYSLITE.42158210._${String(number).padStart(6, '0')}.pool.root.1`;
  return {
    did: { scope: SCOPE, name: of.includes('tape') ? `${of}.${name}` : name },
    type: 'file',
    bytes: 1_048_576 + number * 1000,
    files: null,
    adler32: 'ad0b1c2d',
    missing: false
  };
}

const SUMMARIES: Partial<DidSummary>[] = [
  { staged_files: 20, staged_path: '/data/alice/rucio/data25_13p6TeV/run31' },
  {},
  { reach: 'tape', rses: 1 },
  {
    files: 5000,
    bytes: 49_000_000,
    staged_files: 3120,
    staged_path: '/data/alice/rucio/x'
  },
  { open: true },
  { reach: 'root-only' },
  { reach: 'none', rses: 0 },
  {}
];

export function summary(
  row: { did: DidRow['did'] },
  index: number
): DidSummary {
  const isFile = row.did.name.endsWith('.root.1');
  return {
    did: row.did,
    type: isFile ? 'file' : 'dataset',
    bytes: isFile ? 1_048_576 : 20_100_000,
    files: isFile ? 1 : 20,
    open: false,
    rses: 2,
    reach: 'http',
    staged_files: 0,
    staged_path: null,
    ...(isFile ? {} : SUMMARIES[index % SUMMARIES.length])
  };
}

export function listing(
  id: string,
  rows: DidRow[],
  offset: number,
  limit: number
): ListingPage {
  return {
    listing_id: id,
    offset,
    rows: rows.slice(offset, offset + limit),
    rows_so_far: rows.length,
    complete: true,
    cut: null,
    seconds: 0.2
  };
}

export function replicas(did: DidRow['did']): ReplicaTable {
  const place = {
    files: 20,
    files_total: 20,
    bytes: 20_100_000,
    media: 'disk',
    reach: 'http',
    state: 'AVAILABLE'
  } as const;
  return {
    did,
    rses: [
      {
        ...place,
        rse: 'CERN-PROD_DATADISK',
        schemes: ['davs', 'root'],
        bytes_per_second: 86_000_000
      },
      {
        ...place,
        rse: 'CERNBOX',
        schemes: ['cs3'],
        files: 19,
        bytes_per_second: null,
        state: 'MIXED'
      },
      {
        ...place,
        rse: 'CERN-PROD_TAPE',
        schemes: ['root'],
        media: 'tape',
        reach: 'tape',
        bytes_per_second: null
      }
    ],
    files_total: 20,
    files_without_replica: 0,
    files_in_archives: 0,
    pfns: []
  };
}

/** The same, where nobody may read from the second place for now. */
export function suspended(did: DidRow['did']): ReplicaTable {
  const table = replicas(did);
  Object.assign(table.rses[1], { reach: 'none', state: 'SUSPENDED' });
  return table;
}

export function metadata(did: DidRow['did']): Metadata {
  return {
    did,
    values: {
      account: 'prod',
      campaign: 'data25',
      created_at: '2026-05-04T09:12:44',
      datatype: 'DAOD_PHYSLITE',
      run_number: 358044,
      stream_name: 'physics_Main',
      version: 'r15774_r15775_p6697'
    } as object as Metadata['values']
  };
}

export const rules: Rules = {
  rules: [
    {
      id: 'a1',
      account: 'prod',
      rse_expression: 'tier=1&type=DATADISK',
      copies: 2,
      state: 'OK',
      locks_ok: 40,
      locks_replicating: 0,
      locks_stuck: 0,
      expires_at: '2027-03-01T00:00:00',
      error: null
    },
    {
      id: 'a2',
      account: 'alice',
      rse_expression: 'CERNBOX',
      copies: 1,
      state: 'STUCK',
      locks_ok: 19,
      locks_replicating: 0,
      locks_stuck: 1,
      expires_at: null,
      error: 'No space at the destination.'
    }
  ]
};

export const store: StoreStatus = {
  store_path: '/data/alice/rucio/.store',
  views_path: '/data/alice/rucio',
  used_bytes: 3_200_000_000,
  quota_bytes: 20_000_000_000,
  free_bytes: 212_000_000_000,
  files: 8120,
  pinned_files: 20,
  confirm_bytes: 2_000_000_000,
  confirm_files: 10_000,
  bandwidth_limit: null,
  send_traces: true
};

const demo: DemoStatus = {
  state: 'stopped',
  folder: '/data/alice/.local/share/rucio-jupyterlab/demo',
  log: '/data/alice/.local/share/rucio-jupyterlab/demo/demo.log',
  needs: null,
  steps: [],
  instance: null,
  scope: null,
  problem: null
};
export const demoStopped = demo;
export const demoStarting: DemoStatus = {
  ...demo,
  state: 'starting',
  steps: [
    { what: 'Rucio, two storages and a CS3 cloud', seconds: 3.4 },
    {
      what: 'Z→μμ: a container of 60 ROOT files, and its corrupt, growing and private kin',
      seconds: 12.1
    },
    { what: '5,000 small files', seconds: 4.2 },
    { what: 'One file of 1 GiB', seconds: null }
  ]
};
export const demoFailed: DemoStatus = {
  ...demo,
  problem: 'Rucio failed: its address is in use.',
  log: `${demo.folder}/grid/rucio/server.log`
};
export const demoMissing: DemoStatus = {
  ...demo,
  state: 'missing',
  needs:
    "python -m pip install --find-links dist 'rucio-jupyterlab[demo]==50.0.0a1'"
};
