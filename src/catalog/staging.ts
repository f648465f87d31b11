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
  /** How many are being started now. */
  const [starting, setStarting] = React.useState(0);
  const [refused, setRefused] = React.useState<Refusal | null>(null);
  const { chosen, instance, summaries } = catalog;
  const choice = chosen.map(row => didText(row.did)).join('\n');

  React.useEffect(() => {
    setRefused(null);
    if (choice) {
      void jobs.refreshStore();
    }
    // Another question, or another Rucio's, has other summaries.
  }, [jobs, summaries, choice]);

  const start = async (rows: readonly DidRow[], part: Part = {}) => {
    if (!instance) {
      return;
    }
    setStarting(count => count + 1);
    setRefused(null);
    try {
      const dids = rows.map(row => row.did);
      await jobs.start({ instance, dids, rse: catalog.rseOf(rows), ...part });
    } catch (reason) {
      setRefused({ ...obstacleOf(reason), again: () => start(rows, part) });
    } finally {
      setStarting(count => count - 1);
    }
  };
  return { busy: starting > 0, refused, start };
}
