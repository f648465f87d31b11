import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { didText } from '../client/did';
import type { Did, DidRow, JobSnapshot } from '../client/generated';
import { useMetrics } from '../components/metrics';
import { VirtualList } from '../components/virtuallist';
import { DidRowView, INDENT } from './didrow';
import type { Choice } from './selection';
import { standing } from './standing';
import type { Summaries } from './summaries';
import { type Branch, type IPlace, look, type TreeLine } from './tree';
import { actOf, type KeyAct } from './treekeys';

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

  const onKeyDown = (event: React.KeyboardEvent<HTMLDivElement>) => {
    const lines = Math.floor(event.currentTarget.clientHeight / rowHeight);
    const page = Math.max(1, lines - 1);
    const act = actOf(event, { root, active, page });
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      perform(act, props);
    }
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
        onKeyDown={onKeyDown}
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
  const why = depth > 0 ? trouble?.detail : trouble && trans.__('Not loaded'); // a strip above the list tells why
  const text =
    why ??
    (isComing ? trans.__('Loading…') : (listing.cut ?? trans.__('Empty')));
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={false}
      className={`jp-Rucio-row jp-mod-plain ${active ? 'jp-mod-active' : ''}`}
      style={{ paddingInlineStart: 24 + depth * INDENT }}
    >
      {text}
    </div>
  );
}

function perform(act: KeyAct, props: IDidTreeProps): void {
  switch (act.do) {
    case 'choose':
      return props.onChoose(act.place, act.choice);
    case 'toggle':
      return props.onToggle(act.place, act.open);
    case 'enter':
      return props.onEnter();
    case 'clear':
      return props.onClear();
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
