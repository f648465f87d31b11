import { type Obstacle, obstacleOf } from './failure';

/** A question on its way, its answer, or why there is none. */
export type Asked<T> =
  | { state: 'loading' }
  | { state: 'ready'; value: T }
  | { state: 'failed'; obstacle: Obstacle };

/** Tell how a question goes: first that it was asked, then how it ended. */
export async function follow<T>(
  question: Promise<T>,
  tell: (asked: Asked<T>) => void
): Promise<void> {
  tell({ state: 'loading' });
  try {
    tell({ state: 'ready', value: await question });
  } catch (reason) {
    tell({ state: 'failed', obstacle: obstacleOf(reason) });
  }
}
