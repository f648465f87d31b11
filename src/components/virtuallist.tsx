import * as React from 'react';

import { barOf, highest, isIn, rowsIn, topOf, topToShow } from './scrolling';

/** One row that is taller than the others: where it is, and by how many pixels. */
export interface ITallRow {
  index: number;
  extra: number;
}

/** A row to be brought into sight; it may move without being another. */
export interface IReveal {
  index: number;
  /** What the row is of; told apart by identity. */
  of: unknown;
}

export interface IVirtualListProps extends Omit<
  React.HTMLAttributes<HTMLDivElement>,
  'children'
> {
  count: number;
  /** Height of a row in pixels. */
  rowHeight: number;
  tall?: ITallRow | null;
  /** How far it is scrolled at first, in pixels, as soon as it is long enough. */
  start?: number;
  /** Tells how far it is scrolled now. */
  onTop?: (top: number) => void;
  /** A row that is brought into sight when it is another than before. */
  reveal?: IReveal | null;
  renderRow: (index: number) => React.ReactNode;
  /** Tells which rows are in sight, the first and the one after the last. */
  onWindow?: (first: number, end: number) => void;
}

/** A list of any length of which only the rows in sight exist. */
export function VirtualList(props: IVirtualListProps): JSX.Element {
  const {
    count,
    rowHeight,
    tall,
    reveal,
    start = 0,
    renderRow,
    onWindow,
    onTop,
    ...rest
  } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const [top, setTop] = React.useState(0);
  const [height, setHeight] = React.useState(0);
  const awaited = React.useRef(start);
  // What is there at first was in sight when the list was left, or was not.
  const revealed = React.useRef({ of: reveal?.of, height: 0 });

  const offsetOf = (index: number): number =>
    index * rowHeight + (tall && index > tall.index ? tall.extra : 0);
  const total = offsetOf(count);
  // A list that became shorter may still remember a place beyond its end.
  const from = Math.min(top, Math.max(0, total - height));
  const sight = { top: from, height };
  const bar = barOf(sight, total);
  const [first, end] = rowsIn(sight, rowHeight, count);

  const go = (node: HTMLElement, to: number) => {
    node.scrollTop = barOf({ top: to, height }, total);
    setTop(to);
  };

  React.useLayoutEffect(() => {
    const node = scroller.current;
    if (!node) {
      return;
    }
    // A list that is hidden has no height, and is to come back as it was.
    const measure = () => node.clientHeight && setHeight(node.clientHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, []);

  // What was long before may still be arriving; who scrolls meanwhile stays where he is.
  React.useLayoutEffect(() => {
    const node = scroller.current;
    if (!node || !height) {
      return;
    }
    if (awaited.current > 0 && total - height >= awaited.current) {
      go(node, awaited.current);
    } else if (total > highest()) {
      go(node, from); // the same place of the bar stands for another one in a longer list
    }
    // Only growth may move the bar.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [total, height]);

  // Where a pixel of the bar stands for more than one, the wheel would move the list faster than it does others.
  React.useLayoutEffect(() => {
    const node = scroller.current;
    if (!node || total <= highest()) {
      return;
    }
    const onWheel = (event: WheelEvent) => {
      const to = Math.max(0, Math.min(total - height, from + event.deltaY));
      // At an end it moves what the list stands in; with Ctrl it zooms.
      if (to !== from && !event.ctrlKey) {
        event.preventDefault();
        awaited.current = 0;
        go(node, to);
      }
    };
    // React's own listeners cannot keep the browser from scrolling.
    node.addEventListener('wheel', onWheel, { passive: false });
    return () => node.removeEventListener('wheel', onWheel);
  });

  React.useEffect(() => onWindow?.(first, end), [first, end, count, onWindow]);

  React.useLayoutEffect(() => {
    const node = scroller.current;
    const before = revealed.current;
    revealed.current = { of: reveal?.of, height };
    if (!node?.clientHeight || !reveal) {
      return;
    }
    const begin = offsetOf(reveal.index);
    // A list that became lower keeps the row in sight, but does not go back to one that was left.
    if (
      reveal.of !== before.of ||
      isIn({ top: from, height: before.height }, begin)
    ) {
      const now = { top: from, height: node.clientHeight };
      go(node, topToShow(now, begin, offsetOf(reveal.index + 1)));
    }
    // Only another row to reveal or another height may move the list, not its growth.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [reveal?.of, height]);

  const rows: React.ReactNode[] = [];
  for (let index = first; index < end; index += 1) {
    rows.push(
      <div
        key={index}
        role="none"
        className="jp-Rucio-slot"
        style={{
          top: offsetOf(index) + (bar - from),
          height: offsetOf(index + 1) - offsetOf(index)
        }}
      >
        {renderRow(index)}
      </div>
    );
  }
  return (
    <div
      {...rest}
      ref={scroller}
      onScroll={event => {
        awaited.current = 0;
        const { scrollTop } = event.currentTarget;
        // The bar tells less exactly where it was moved to from here.
        const now =
          Math.abs(scrollTop - bar) < 1
            ? from
            : topOf(scrollTop, height, total);
        setTop(now);
        onTop?.(now);
      }}
    >
      <div
        role="none"
        className="jp-Rucio-sizer"
        style={{ height: Math.min(total, highest()) }}
      >
        {rows}
      </div>
    </div>
  );
}
