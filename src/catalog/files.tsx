import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Copied } from '../components/button';
import { warningIcon } from '../components/icons';
import { useMetrics } from '../components/metrics';
import { Name } from '../components/name';
import { Strip } from '../components/notice';
import { size } from '../components/quantity';
import { VirtualList } from '../components/virtuallist';
import type { Listing } from './listing';

export interface IFilesProps {
  listing: Listing;
  trans: TranslationBundle;
  onRetry: () => void;
}

const FILE_ROW = 24;
/** Rows shown before the list scrolls by itself. */
const FILES = 10;
/** Width of a row that is neither name nor size: a gap, and a bar for scrolling. */
const AROUND = 24;

/** What a collection holds. */
export function Files(props: IFilesProps): JSX.Element {
  const { listing, trans, onRetry } = props;
  const { ref, width, measure } = useMetrics();
  const onWindow = React.useCallback(
    (first: number, end: number) => listing.ensure(first, end),
    [listing]
  );
  const trouble = (listing.lapse ?? listing.obstacle)?.detail ?? listing.cut;
  const renderRow = (index: number): JSX.Element => {
    const row = listing.row(index);
    const bytes = row?.bytes ? size(row.bytes) : '';
    return (
      <div role="listitem" className="jp-Rucio-file">
        <Name
          name={row?.did.name ?? trans.__('Loading…')}
          width={width - AROUND - measure(bytes)}
          measure={measure}
          neighbours={[index - 1, index + 1].flatMap(
            near => listing.row(near)?.did.name ?? []
          )}
        />
        <span>{bytes}</span>
      </div>
    );
  };
  return (
    <div className="jp-Rucio-files" ref={ref}>
      {trouble && (
        <Strip
          tone="error"
          icon={warningIcon}
          text={trouble}
          action={{
            label: trans.__('Try again'),
            run:
              listing.lapse && !listing.expired
                ? () => listing.retry() // which keeps the rows that are here
                : onRetry
          }}
        />
      )}
      {!trouble && listing.length === 0 && (
        <p className="jp-Rucio-small">
          {listing.arriving
            ? trans.__('Asking Rucio…')
            : trans.__('It holds nothing.')}
        </p>
      )}
      {listing.length > 0 && (
        <VirtualList
          className="jp-Rucio-fileRows"
          style={{ height: Math.min(FILES, listing.length) * FILE_ROW }}
          role="list"
          aria-label={trans.__('Files')}
          tabIndex={0}
          count={listing.length}
          rowHeight={FILE_ROW}
          onWindow={onWindow}
          renderRow={renderRow}
        />
      )}
    </div>
  );
}

export interface ISingleFileProps {
  path: string | null;
  trans: TranslationBundle;
}

/** Where a file lies, for a DID that is one. */
export function SingleFile({ path, trans }: ISingleFileProps): JSX.Element {
  return path === null ? (
    <p className="jp-Rucio-small">
      {trans.__('A single file, not staged yet.')}
    </p>
  ) : (
    <Copied text={path} label={trans.__('Copy the path')} />
  );
}
