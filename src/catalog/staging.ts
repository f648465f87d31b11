import * as React from 'react';

import { didText } from '../client/did';
import { type Obstacle, obstacleOf } from '../client/failure';
import type { DidRow } from '../client/generated';
import type { Part } from '../components/part';
import type { IJobs } from '../jobs/model';
import type { Catalog } from './model';

/** Why the last job could not be started, and how to try it again. */
type Refusal = Obstacle & { again: () => Promise<void> };

/** How jobs are started from what was found. */
export interface IStaging {
  /** Whether one is being started. */
  busy: boolean;
  /** Forgotten when something else is chosen, or asked. */
  refused: Refusal | null;
  start: (rows: readonly DidRow[], part?: Part) => Promise<void>;
}

/** Start jobs, and tell of what came of the last; the room in the store is asked for as something is chosen. */
export function useStaging(catalog: Catalog, jobs: IJobs): IStaging {
  const [busy, setBusy] = React.useState(false);
  /** What is being started now: a double click is to start it once. */
  const starting = React.useRef(new Set<string>()).current;
  const [refused, setRefused] = React.useState<Refusal | null>(null);
  const { chosen, instance, summaries } = catalog;
  const choice = textOf(chosen);

  React.useEffect(() => {
    setRefused(null);
    if (choice) {
      void jobs.refreshStore();
    }
    // Another question, or another Rucio's, has other summaries.
  }, [jobs, summaries, choice]);

  const start = async (rows: readonly DidRow[], part: Part = {}) => {
    const asked = textOf(rows);
    if (!instance || starting.has(asked)) {
      return;
    }
    starting.add(asked);
    setBusy(true);
    setRefused(null);
    try {
      const dids = rows.map(row => row.did);
      await jobs.start({ instance, dids, rse: catalog.rseOf(rows), ...part });
    } catch (reason) {
      setRefused({ ...obstacleOf(reason), again: () => start(rows, part) });
    } finally {
      starting.delete(asked);
      setBusy(starting.size > 0);
    }
  };
  return { busy, refused, start };
}

function textOf(rows: readonly DidRow[]): string {
  return rows.map(row => didText(row.did)).join('\n');
}
