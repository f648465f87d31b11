import type { Problem } from '../client/generated';

/** The one thing to do about a problem, of a job or of one of its files. */
export type Remedy = 'retry' | 'download' | 'signin' | 'replicas' | 'explore';

/** What fits a problem; null where the user can do nothing. */
export function remedyOf(problem: Problem | null): Remedy | null {
  if (problem?.type === 'not-mounted') {
    return 'download';
  }
  switch (problem?.do) {
    case 'signin':
      return 'signin';
    case 'choose':
      return 'replicas';
    case 'recall':
    case 'none':
      return 'explore';
    case 'report':
    case undefined:
      return null;
    default:
      return 'retry';
  }
}
