import type { DidRow, DidSummary } from '../client/generated';

/** What staging would bring. */
export interface IPlan {
  files: number;
  here: number;
  bytes: number;
  bytesHere: number;
  /** Some of the DIDs are still asked about, so that these numbers will rise. */
  counting: boolean;
  /** Some sizes are not known yet. */
  open: boolean;
  /** All of it is staged already. */
  whole: boolean;
  /** Of the chosen DIDs, how many cannot be staged: they are on tape, behind xrootd, or nowhere. */
  outOfReach: number;
  /** None of it can be staged. */
  barred: boolean;
  /** A cell can read what is here, or stage it first. */
  readable: boolean;
}

/** What is known of the chosen DIDs together. The bytes that are here are told by their share. */
export function planOf(
  rows: readonly DidRow[],
  summaries: readonly DidSummary[]
): IPlan {
  const plan = { files: 0, here: 0, bytes: 0, bytesHere: 0, outOfReach: 0 };
  const known = rows.filter(row => !row.missing);
  const counting = summaries.length < known.length;
  let open = counting;
  for (const summary of summaries) {
    const files = summary.files ?? (summary.type === 'file' ? 1 : 0);
    plan.files += files;
    plan.here += summary.staged_files;
    plan.bytes += summary.bytes ?? 0;
    plan.bytesHere += files
      ? ((summary.bytes ?? 0) * summary.staged_files) / files
      : 0;
    plan.outOfReach += ['http', 'mount'].includes(summary.reach) ? 0 : 1;
    open ||= summary.open || summary.bytes === null;
  }
  const barred = plan.outOfReach >= known.length;
  return {
    ...plan,
    counting,
    open,
    barred,
    readable: !barred || plan.here > 0,
    whole: !open && plan.here >= plan.files && plan.files > 0
  };
}
