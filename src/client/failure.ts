import type { Problem } from './generated';

/**
 * What stands in the way, as the server tells it, or as the browser notices it.
 *
 * `offline` and `no-server-extension` are ours: then no server of ours answered.
 */
export type Obstacle = Pick<Problem, 'type' | 'detail' | 'do'> &
  Partial<Problem>;

/** A request that was not answered as asked. */
export class Failure extends Error {
  constructor(readonly problem: Obstacle) {
    super(problem.detail);
  }
}

/** The obstacle behind anything that was thrown. */
export function obstacleOf(reason: unknown): Obstacle {
  if (reason instanceof Failure) {
    return reason.problem;
  }
  return {
    type: 'internal',
    detail: reason instanceof Error ? reason.message : String(reason),
    do: 'report'
  };
}
