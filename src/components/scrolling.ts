/** Rows kept beyond each edge, so that scrolling by wheel meets no gap. */
const OVERSCAN = 8;

/** What is in sight of a list: how far it is scrolled, and how high it is; in pixels. */
export interface ISight {
  top: number;
  height: number;
}

/** The rows to draw, the first and the one after the last. */
export function rowsIn(
  { top, height }: ISight,
  rowHeight: number,
  count: number
): [number, number] {
  return [
    Math.max(0, Math.floor(top / rowHeight) - OVERSCAN),
    Math.min(count, Math.ceil((top + height) / rowHeight) + OVERSCAN)
  ];
}

/** Whether a row that begins there is in sight, be it in part. */
export function isIn({ top, height }: ISight, begin: number): boolean {
  return begin >= top && begin < top + height;
}

/** How far the list must be scrolled to show a row whole; as far as it is where that does. */
export function topToShow(
  { top, height }: ISight,
  begin: number,
  end: number
): number {
  return Math.min(begin, Math.max(top, end - height));
}
