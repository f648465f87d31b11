/** Rows kept beyond each edge, so that scrolling by wheel meets no gap. */
const OVERSCAN = 8;

/** What is in sight of a list: how far it is scrolled, and how high it is; in pixels. */
export interface ISight {
  top: number;
  height: number;
}

/**
 * Height of the element that stands for a list, at most; in pixels of the page.
 *
 * Browsers end higher ones early, at some 17 or 33 million, the latter in pixels of the screen. In a longer list each
 * pixel of the scroll bar stands for more than one.
 */
export function highest(): number {
  return 30_000_000 / Math.max(2, window.devicePixelRatio);
}

/** How far the bar of a list of some height, of which some is in sight, is scrolled for its top. */
export function barOf({ top, height }: ISight, total: number): number {
  return top / scaleOf(height, total);
}

/** The top that a place of the bar stands for. */
export function topOf(bar: number, height: number, total: number): number {
  return bar * scaleOf(height, total);
}

function scaleOf(height: number, total: number): number {
  const most = highest();
  return total > most ? (total - height) / (most - height) : 1;
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
