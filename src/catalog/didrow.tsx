import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  checkIcon,
  downloadIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { didText } from '../client/did';
import type { DidRow, DidSummary } from '../client/generated';
import { tapeIcon, warningIcon } from '../components/icons';
import { Name } from '../components/name';
import { count, size } from '../components/quantity';
import type { Choice } from './selection';
import type { Standing } from './standing';

export interface IDidRowProps {
  id: string;
  row: DidRow;
  summary: DidSummary | undefined;
  standing: Standing;
  depth: number;
  expanded: boolean;
  selected: boolean;
  active: boolean;
  /** What it is called here: with its scope where rows differ in it. */
  name: string;
  /** Room for the name, in pixels. */
  width: number;
  measure: (text: string) => number;
  neighbours: readonly string[];
  /** Its place among its siblings, and how many of them are known by now. */
  position: number;
  siblings: number;
  trans: TranslationBundle;
  onChoose: (choice: Choice) => void;
  onToggle: () => void;
  onStage: () => void;
  onDragStart: (event: React.PointerEvent) => void;
}

/** Pixels by which each level of the tree moves in. */
export const INDENT = 14;

/** One DID of the tree: its name, what it is, and how it stands. */
export function DidRowView(props: IDidRowProps): JSX.Element {
  const { row, summary, standing, depth, expanded, selected, active } = props;
  const { neighbours, trans } = props;
  const expandable = row.type !== 'file' && !row.missing;
  const Caret = expanded ? caretDownIcon : caretRightIcon;
  const facts = describe(row, summary, trans);
  const mark = markOf(standing, trans);
  return (
    <div
      id={props.id}
      role="treeitem"
      className={
        'jp-Rucio-row' +
        (selected ? ' jp-mod-selected' : '') +
        (active ? ' jp-mod-active' : '')
      }
      aria-level={depth + 1}
      aria-selected={selected}
      aria-expanded={expandable ? expanded : undefined}
      aria-posinset={props.position + 1}
      aria-setsize={props.siblings}
      aria-label={[didText(row.did), facts.join(' · '), mark?.text]
        .filter(Boolean)
        .join(', ')}
      style={{ paddingInlineStart: 4 + depth * INDENT }}
      onClick={event => props.onChoose(choiceOf(event))}
      // The modifiers belong to the menu: on macOS it is Ctrl that opens it.
      onContextMenu={() => !selected && props.onChoose('only')}
      onDoubleClick={props.onToggle}
      onPointerDown={props.onDragStart}
    >
      <span
        className="jp-Rucio-row-caret"
        aria-hidden="true"
        onClick={event => {
          event.stopPropagation();
          props.onToggle();
        }}
      >
        {expandable && <Caret.react tag="span" />}
      </span>
      <span className="jp-Rucio-row-text">
        <Name
          name={props.name}
          width={props.width}
          measure={props.measure}
          neighbours={neighbours}
          lines={active && selected ? 2 : 1}
        />
        <span className="jp-Rucio-row-second">
          <RowFacts facts={facts} common={row.type === 'dataset'} />
          {mark && <Mark {...mark} />}
          {standing.kind === 'stageable' && (
            <button
              type="button"
              className="jp-Rucio-rowAction"
              tabIndex={-1} // the tree is one stop of the tab key; Enter leads to the same button below
              aria-label={trans.__('Stage %1', didText(row.did))}
              onClick={event => {
                event.stopPropagation();
                props.onStage();
              }}
              onDoubleClick={event => event.stopPropagation()}
            >
              <downloadIcon.react tag="span" aria-hidden="true" />
              {trans.__('Stage')}
            </button>
          )}
        </span>
      </span>
    </div>
  );
}

function choiceOf(event: React.MouseEvent): Choice {
  if (event.shiftKey) {
    return 'range';
  }
  return event.ctrlKey || event.metaKey ? 'toggle' : 'only';
}

interface IMark {
  tone: 'good' | 'warn' | 'error' | 'run' | 'mute';
  icon?: LabIcon;
  text: string;
}

/** How a DID stands, in a word; null where that is not known, or a button says it. */
function markOf(standing: Standing, trans: TranslationBundle): IMark | null {
  switch (standing.kind) {
    case 'unknown':
    case 'stageable':
      return null;
    case 'missing':
      return {
        tone: 'error',
        icon: warningIcon,
        text: trans.__('not in Rucio')
      };
    case 'running':
      return { tone: 'run', text: `${Math.floor(standing.share * 100)} %` };
    case 'waiting':
      return { tone: 'warn', text: trans.__('waiting') };
    case 'paused':
      return { tone: 'mute', text: trans.__('paused') };
    case 'staged':
      return { tone: 'good', icon: checkIcon, text: trans.__('staged') };
    case 'partial': {
      const { here, files } = standing;
      return {
        tone: 'mute',
        text: trans.__('%1 / %2', count(here), count(files))
      };
    }
    case 'tape':
      return { tone: 'warn', icon: tapeIcon, text: trans.__('on tape') };
    case 'root-only':
      return { tone: 'warn', text: trans.__('xrootd only') };
    case 'none':
      return { tone: 'warn', icon: warningIcon, text: trans.__('no replica') };
  }
}

/** A word at the end of a row; its colour only repeats what it says. */
function Mark({ tone, icon: Icon, text }: IMark): JSX.Element {
  return (
    <span className={`jp-Rucio-mark jp-mod-${tone}`}>
      {Icon && <Icon.react tag="span" aria-hidden="true" />}
      {text}
    </span>
  );
}

interface IRowFactsProps {
  facts: readonly string[];
  /** Whether the first is so common that it makes room for the others in a narrow tree. */
  common: boolean;
}

/** Facts in one line; those that do not fit are left out whole, and still in the tooltip. */
function RowFacts({ facts, common }: IRowFactsProps): JSX.Element {
  const [first, ...others] = facts;
  const dispensable = common && others.length > 0;
  return (
    <span className="jp-Rucio-row-meta jp-mod-facts" title={facts.join(' · ')}>
      <span className={dispensable ? 'jp-mod-dispensable' : undefined}>
        {dispensable ? `${first} · ` : first}
      </span>
      {others.map((fact, index) => (
        <span key={index}>
          {dispensable && index === 0 ? fact : ` · ${fact}`}
        </span>
      ))}
    </span>
  );
}

/** What a DID is: `dataset`, `20 files`, `19.4 MB`, `3 RSEs`; nothing where Rucio does not know it. */
export function describe(
  row: DidRow,
  summary: DidSummary | undefined,
  trans: TranslationBundle
): string[] {
  if (row.missing) {
    return [];
  }
  const files = summary?.files ?? row.files;
  const bytes = summary?.bytes ?? row.bytes;
  const parts: string[] = [];
  if (row.type === 'container') {
    parts.push(trans.__('container'));
  } else if (row.type === 'dataset') {
    parts.push(trans.__('dataset'));
  }
  if (summary?.open && row.type !== 'file') {
    parts.push(trans.__('still growing'));
  }
  if (row.type !== 'file' && files !== null) {
    parts.push(trans._n('%2 file', '%2 files', files, count(files)));
  }
  if (bytes !== null) {
    parts.push(size(bytes));
  }
  if (summary) {
    parts.push(trans._n('%1 RSE', '%1 RSEs', summary.rses));
  }
  return parts.length > 0 ? parts : [trans.__('file')];
}
