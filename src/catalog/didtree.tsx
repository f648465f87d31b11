import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Did, DidRow, JobSnapshot } from '../client/generated';
import { useMetrics } from '../components/metrics';
import { VirtualList } from '../components/virtuallist';
import { didText } from './did';
import { DidRowView, INDENT } from './didrow';
import type { Choice } from './selection';
import { standing } from './standing';
import type { Summaries } from './summaries';
import { type Branch, type IPlace, look, type TreeLine } from './tree';

export interface IDidTreeProps {
  root: Branch;
  summaries: Summaries;
  active: IPlace | null;
  /** How far the list is scrolled at first, in pixels. */
  start: number;
  isSelected: (did: Did) => boolean;
  jobOf: (did: Did) => JobSnapshot | null;
  trans: TranslationBundle;
  onChoose: (place: IPlace, choice: Choice) => void;
  onToggle: (place: IPlace, open?: boolean) => void;
  onStage: (row: DidRow) => void;
  onClear: () => void;
  onTop: (top: number) => void;
  /** The user wants to act on what is chosen: the focus goes to the actions. */
  onEnter: () => void;
  onDragStart: (row: DidRow, event: PointerEvent) => void;
}

/** Width of a row that is not its name: margins, caret, a bar for scrolling. */
const AROUND = 52;
const DRAG_DISTANCE = 5;

/**
 * The answer of a search as a tree of any length.
 *
 * One stop of the tab key: the list has the focus and names the active line
 * (`aria-activedescendant`), since a line out of sight does not exist.
 */
export function DidTree(props: IDidTreeProps): JSX.Element {
  const { root, summaries, active, trans } = props;
  const prefix = React.useId();
  const { ref, width, line, measure } = useMetrics();
  const room = (depth: number) => width - AROUND - depth * INDENT;
  const rowHeight = 2 * line + 12;
  const at = active && active.branch.position(active.index);
  const activeRow = active?.branch.listing.row(active.index);
  // Pasted DIDs differ in their scopes, so these are part of the names.
  const scoped = root.listing.query.kind === 'dids';
  const nameOf = ({ did }: DidRow, depth: number) =>
    scoped && depth === 0 ? didText(did) : did.name;
  const depth = active?.branch.depth ?? 0;
  const tall =
    at !== null &&
    activeRow &&
    props.isSelected(activeRow.did) &&
    measure(nameOf(activeRow, depth)) > room(depth)
      ? { index: at, extra: line }
      : null;

  const { arrivals } = root;
  const onWindow = React.useCallback(
    (first: number, end: number) => summaries.want(look(root, first, end)),
    // With each page that comes there may be other DIDs in the same window.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [root, summaries, arrivals]
  );

  const renderRow = (position: number): React.ReactNode => {
    const shown = root.line(position);
    if (!shown) {
      return null;
    }
    if (shown.kind !== 'did') {
      return (
        <PlainLine
          id={`${prefix}-${position}`}
          line={shown}
          active={position === at}
          trans={trans}
        />
      );
    }
    const { branch, index, row } = shown;
    const place = { branch, index };
    const near = [branch.listing.row(index - 1), branch.listing.row(index + 1)];
    return (
      <DidRowView
        id={`${prefix}-${position}`}
        row={row}
        summary={summaries.get(row.did)}
        standing={standing(row, summaries.get(row.did), props.jobOf(row.did))}
        depth={branch.depth}
        expanded={branch.isOpen(index)}
        selected={props.isSelected(row.did)}
        active={position === at}
        name={nameOf(row, branch.depth)}
        width={room(branch.depth)}
        measure={measure}
        neighbours={near.flatMap(other =>
          other ? nameOf(other, branch.depth) : []
        )}
        position={index}
        siblings={branch.listing.length}
        trans={trans}
        onChoose={choice => props.onChoose(place, choice)}
        onToggle={() => props.onToggle(place)}
        onStage={() => props.onStage(row)}
        onDragStart={event => watchDrag(event, e => props.onDragStart(row, e))}
      />
    );
  };

  return (
    <div className="jp-Rucio-treeFrame" ref={ref}>
      <VirtualList
        className="jp-Rucio-tree"
        role="tree"
        aria-label={trans.__('Results')}
        aria-multiselectable="true"
        aria-activedescendant={at === null ? undefined : `${prefix}-${at}`}
        tabIndex={0}
        count={root.size}
        rowHeight={rowHeight}
        tall={tall}
        start={props.start}
        reveal={active && at !== null ? { index: at, of: active } : null}
        renderRow={renderRow}
        onWindow={onWindow}
        onTop={props.onTop}
        onKeyDown={event => onKey(event, props, rowHeight)}
      />
    </div>
  );
}

interface IPlainLineProps {
  id: string;
  active: boolean;
  line: Exclude<TreeLine, { kind: 'did' }>;
  trans: TranslationBundle;
}

/** A line that is no DID: one still to come, or the end of what a row holds. */
function PlainLine(props: IPlainLineProps): JSX.Element {
  const { id, active, line, trans } = props;
  const { listing, depth } = line.branch;
  const trouble = listing.lapse ?? listing.obstacle;
  const isComing = line.kind === 'pending' || listing.arriving;
  const text =
    trouble?.detail ??
    (isComing ? trans.__('Loading…') : (listing.cut ?? trans.__('Empty')));
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={false}
      className={`jp-Rucio-row jp-mod-plain ${active ? 'jp-mod-active' : ''}`}
      style={{ paddingInlineStart: 24 + depth * 14 }}
    >
      {text}
    </div>
  );
}

/** Move the active line, and choose it unless it only moves. */
function step(props: IDidTreeProps, by: number, choice: Choice = 'only'): void {
  const { root, active } = props;
  const from = active ? active.branch.position(active.index) : 0;
  const direction = by < 0 ? -1 : 1;
  let position = Math.max(0, Math.min(root.size - 1, from + by));
  let line = root.line(position);
  while (line?.kind === 'end') {
    position += direction;
    line = root.line(position);
  }
  if (line) {
    props.onChoose({ branch: line.branch, index: line.index }, choice);
  }
}

/** Keys that move without choosing while Ctrl is held, and the one that chooses there. */
const MOVING = new Set([
  'ArrowDown',
  'ArrowUp',
  'PageDown',
  'PageUp',
  'Home',
  'End',
  ' '
]);

function onKey(
  event: React.KeyboardEvent<HTMLDivElement>,
  props: IDidTreeProps,
  rowHeight: number
): void {
  const { active, root } = props;
  const page = Math.max(
    1,
    Math.floor(event.currentTarget.clientHeight / rowHeight) - 1
  );
  const moves = event.ctrlKey || event.metaKey;
  const choice = moves ? 'move' : event.shiftKey ? 'range' : 'only';
  const keys: Record<string, () => void> = {
    ArrowDown: () => step(props, active ? 1 : 0, choice),
    ArrowUp: () => step(props, -1, choice),
    PageDown: () => step(props, page, choice),
    PageUp: () => step(props, -page, choice),
    Home: () => step(props, -root.size, choice),
    End: () => step(props, root.size, choice),
    ArrowRight: () => active && inward(active, props),
    ArrowLeft: () => active && outward(active, props),
    ' ': () => active && props.onChoose(active, 'toggle'),
    Enter: () => active && props.onEnter(),
    Escape: () => props.onClear()
  };
  const act = keys[event.key];
  if (act && !event.altKey && (!moves || MOVING.has(event.key))) {
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}

/** Open a closed row; from an open one go to the first of what it holds, once that has come. */
function inward(place: IPlace, props: IDidTreeProps): void {
  const { branch, index } = place;
  if (!branch.isOpen(index)) {
    props.onToggle(place, true);
    return;
  }
  const line = props.root.line(branch.position(index) + 1);
  if (line && line.kind !== 'end' && line.branch !== branch) {
    props.onChoose({ branch: line.branch, index: line.index }, 'only');
  }
}

/** Close an open row; from a closed one go to the row that holds it. */
function outward(place: IPlace, props: IDidTreeProps): void {
  if (place.branch.isOpen(place.index)) {
    props.onToggle(place, false);
  } else if (place.branch.parent) {
    props.onChoose(place.branch.parent, 'only');
  }
}

/** Call back once the pressed pointer has moved far enough to mean a drag. */
function watchDrag(
  event: React.PointerEvent,
  begin: (event: PointerEvent) => void
): void {
  const { clientX, clientY, button } = event;
  if (button !== 0 || event.pointerType === 'touch') {
    return;
  }
  const stop = () => {
    document.removeEventListener('pointermove', move);
    document.removeEventListener('pointerup', stop);
    document.removeEventListener('pointercancel', stop);
  };
  const move = (moved: PointerEvent) => {
    const [x, y] = [moved.clientX - clientX, moved.clientY - clientY];
    if (Math.hypot(x, y) >= DRAG_DISTANCE) {
      stop();
      begin(moved);
    }
  };
  document.addEventListener('pointermove', move);
  document.addEventListener('pointerup', stop);
  document.addEventListener('pointercancel', stop);
}
