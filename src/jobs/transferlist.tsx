import type { TranslationBundle } from '@jupyterlab/translation';
import {
  copyIcon,
  downloadIcon,
  refreshIcon,
  searchIcon,
  userIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Did, TransferRow } from '../client/generated';
import { IconButton, type IIconButtonProps } from '../components/button';
import { warningIcon } from '../components/icons';
import { useMetrics } from '../components/metrics';
import { Name } from '../components/name';
import { remedy, Strip } from '../components/notice';
import { size } from '../components/quantity';
import { VirtualList } from '../components/virtuallist';
import { type Remedy, remedyOf } from './remedy';
import type { Transfers } from './transfers';
import { transferWord } from './words';

export interface ITransferListProps {
  transfers: Transfers;
  trans: TranslationBundle;
  onCopyPath: (path: string) => void;
  /** Try again what failed, or download what is not on the mounted RSE. */
  onRetry: (download?: boolean) => void;
  onSignIn: () => void;
  /** Show a file in the catalogue, with its replicas and rules. */
  onExplore: (did: Did) => void;
}

/** Rows shown before the list scrolls by itself; fewer where each tells at length what went wrong. */
const [SHOWN, EXPLAINED] = [8, 5];
/** Files whose problems are looked at to find out how much room these need, and the most that they get. */
const [LOOKED_AT, MOST_LINES] = [100, 5];
/** Width of a row that is not its name: a button, and a bar for scrolling. */
const AROUND = 44;

/** The files of a job, each with its state, its path, and what went wrong with it. */
export function TransferList(props: ITransferListProps): JSX.Element {
  const { transfers, trans } = props;
  const { ref, width, line, measure } = useMetrics();
  const lines =
    transfers.filter === 'failed'
      ? linesNeeded(transfers, width - AROUND, measure)
      : 1;
  const rowHeight = (1 + lines) * line + 10;
  const shown = lines > 1 ? EXPLAINED : SHOWN;
  const onWindow = React.useCallback(
    (first: number, end: number) => transfers.ensure(first, end),
    [transfers]
  );
  if (transfers.obstacle) {
    return (
      <Strip
        tone="error"
        icon={warningIcon}
        text={transfers.obstacle.detail}
        action={remedy(
          transfers.obstacle,
          { retry: () => transfers.renew() },
          trans
        )}
      />
    );
  }
  return (
    <div
      ref={ref}
      className={`jp-Rucio-transfers ${lines > 1 ? 'jp-mod-explained' : ''}`}
      style={{ height: Math.min(shown, transfers.length || 1) * rowHeight }}
    >
      {transfers.length === 0 ? (
        <p className="jp-Rucio-small">
          {transfers.ready ? trans.__('No files.') : trans.__('Loading…')}
        </p>
      ) : (
        <VirtualList
          className="jp-Rucio-transferRows"
          role="list"
          aria-label={trans.__('Files of the job')}
          tabIndex={0}
          count={transfers.length}
          rowHeight={rowHeight}
          onWindow={onWindow}
          renderRow={index => (
            <TransferView
              {...props}
              row={transfers.row(index)}
              neighbours={[index - 1, index + 1].flatMap(
                near => transfers.row(near)?.did.name ?? []
              )}
              width={width - AROUND}
              measure={measure}
            />
          )}
        />
      )}
    </div>
  );
}

/** How many lines it takes to tell what went wrong with any of the first files; it is told in small letters. */
function linesNeeded(
  transfers: Transfers,
  width: number,
  measure: (text: string) => number
): number {
  let widest = 0;
  for (let at = 0; at < Math.min(LOOKED_AT, transfers.length); at += 1) {
    const told = transfers.row(at)?.problem?.detail ?? '';
    widest = Math.max(widest, measure(told));
  }
  return Math.min(MOST_LINES, Math.max(1, Math.ceil(widest / width)));
}

interface ITransferViewProps extends ITransferListProps {
  row: TransferRow | undefined;
  width: number;
  measure: (text: string) => number;
  neighbours: readonly string[];
}

function TransferView(props: ITransferViewProps): JSX.Element {
  const { row, width, measure, neighbours, trans } = props;
  if (!row) {
    return <div role="listitem">{trans.__('Loading…')}</div>;
  }
  const { problem } = row;
  const button = buttonFor(row, props);
  const parts = [
    ...(row.bytes === null ? [] : [size(row.bytes)]),
    ...(row.rse ? [row.rse] : [])
  ];
  return (
    <div role="listitem" className="jp-Rucio-transfer">
      <span className="jp-Rucio-row-text">
        <Name
          name={row.did.name}
          width={width}
          measure={measure}
          neighbours={neighbours}
        />
        <span className="jp-Rucio-row-meta" title={problem?.detail}>
          <b className={`jp-mod-${tone(row)}`}>{transferWord(row, trans)}</b>
          {problem ? ` · ${problem.detail}` : parts.map(part => ` · ${part}`)}
        </span>
      </span>
      {button && <IconButton {...button} />}
    </div>
  );
}

/** The one thing to do with a file as it stands; null where there is none. */
function buttonFor(
  { did, path, problem }: TransferRow,
  { trans, onCopyPath, onRetry, onSignIn, onExplore }: ITransferListProps
): IIconButtonProps | null {
  if (path) {
    const label = trans.__('Copy the path %1', path);
    return { icon: copyIcon, label, onClick: () => onCopyPath(path) };
  }
  const offers: Record<Remedy, IIconButtonProps> = {
    retry: {
      icon: refreshIcon,
      label: trans.__('Try again what failed'),
      onClick: () => onRetry()
    },
    download: {
      icon: downloadIcon,
      label: trans.__('Download what is not mounted'),
      onClick: () => onRetry(true)
    },
    signin: {
      icon: userIcon,
      label: trans.__('Sign in'),
      onClick: onSignIn
    },
    replicas: {
      icon: searchIcon,
      label: trans.__('Show the replicas of %1', did.name),
      onClick: () => onExplore(did)
    },
    explore: {
      icon: searchIcon,
      label: trans.__('Show %1 in Explore', did.name),
      onClick: () => onExplore(did)
    }
  };
  const remedy = remedyOf(problem);
  return remedy && offers[remedy];
}

function tone(row: TransferRow): 'good' | 'warn' | 'error' | 'run' | 'mute' {
  switch (row.state) {
    case 'done':
      return row.verified ? 'good' : 'warn';
    case 'linked':
      return 'good';
    case 'failed':
      return 'error';
    case 'running':
      return 'run';
    case 'queued':
    case 'cancelled':
      return 'mute';
    default:
      return 'warn';
  }
}
