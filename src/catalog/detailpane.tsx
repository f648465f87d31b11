import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Asked } from '../client/asked';
import type { DidSummary, Metadata, Rule, Rules } from '../client/generated';
import { Copied, IconButton } from '../components/button';
import { noteIcon, tapeIcon, warningIcon } from '../components/icons';
import { useMetrics } from '../components/metrics';
import { Name } from '../components/name';
import { type IAction, remedy, Strip } from '../components/notice';
import { count, size } from '../components/quantity';
import { Breakable, Facts } from '../components/texts';
import { TabBody, Tabs } from '../components/tabs';
import { VirtualList } from '../components/virtuallist';
import type { Details, DetailTab } from './details';
import { didText } from './did';
import type { Listing } from './listing';
import { Replicas } from './replicas';

export interface IDetailPaneProps {
  details: Details;
  summary: DidSummary | undefined;
  tab: DetailTab;
  rse: string | null;
  trans: TranslationBundle;
  onTab: (tab: DetailTab) => void;
  onRse: (rse: string | null) => void;
  onCopy: () => void;
  onRefresh: () => void;
  onClose: () => void;
}

/** Ties tabs to what they show. */
const PREFIX = 'jp-Rucio-details';

/** All about one DID: its whole name, what stands in the way, and four tabs. */
export function DetailPane(props: IDetailPaneProps): JSX.Element {
  const { details, summary, tab, trans, onTab } = props;
  React.useEffect(() => details.show(tab), [details, tab]);
  const tabs = [
    { id: 'files', label: trans.__('Files') },
    { id: 'replicas', label: trans.__('Replicas') },
    { id: 'metadata', label: trans.__('Metadata') },
    { id: 'rules', label: trans.__('Rules') }
  ];
  return (
    <section
      className="jp-Rucio-details"
      aria-label={trans.__('Details')}
      onKeyDown={event => event.key === 'Escape' && props.onClose()}
    >
      <div className="jp-Rucio-details-head">
        <span className="jp-Rucio-details-buttons">
          <IconButton
            icon={copyIcon}
            label={trans.__('Copy the DID')}
            onClick={props.onCopy}
          />
          <IconButton
            icon={closeIcon}
            label={trans.__('Close the details')}
            onClick={props.onClose}
          />
        </span>
        <h3>
          <Breakable text={didText(details.row.did)} />
        </h3>
      </div>
      {summary && <Hindrance {...props} summary={summary} />}
      <Tabs
        tabs={tabs}
        current={tab}
        label={trans.__('Details')}
        prefix={PREFIX}
        look="line"
        onSelect={id => onTab(id as DetailTab)}
      />
      <TabBody current={tab} prefix={PREFIX}>
        <Shown {...props} />
      </TabBody>
    </section>
  );
}

/** What keeps a DID from being staged, or from being whole, with the one thing to do. */
function Hindrance(
  props: IDetailPaneProps & { summary: DidSummary }
): JSX.Element | null {
  const { summary, trans, onTab, onRefresh } = props;
  const show = (tab: DetailTab, label: string): IAction => ({
    label,
    run: () => {
      onTab(tab);
      // What it shows may be below the edge of a small pane.
      document.getElementById(`${PREFIX}-tab-${tab}`)?.focus();
    }
  });
  if (summary.reach === 'tape') {
    return (
      <Strip
        tone="warn"
        icon={tapeIcon}
        text={trans.__(
          'Only on tape. It must be recalled by a rule first; staging never does that by itself.'
        )}
        action={show('rules', trans.__('Show the rules'))}
      />
    );
  }
  if (summary.reach === 'root-only') {
    return (
      <Strip
        tone="warn"
        icon={noteIcon}
        text={trans.__(
          'Reachable only by xrootd, which cannot be staged. Open it by its address.'
        )}
        action={show('replicas', trans.__('Show the replicas'))}
      />
    );
  }
  if (summary.reach === 'none') {
    return (
      <Strip
        tone="warn"
        icon={warningIcon}
        text={trans.__('No replica is available.')}
        action={show('rules', trans.__('Show the rules'))}
      />
    );
  }
  if (summary.open && summary.type !== 'file') {
    return (
      <Strip
        tone="info"
        icon={noteIcon}
        text={trans.__('Still growing: more files may come.')}
        action={{ label: trans.__('Refresh'), run: onRefresh }}
      />
    );
  }
  return null;
}

function Shown(props: IDetailPaneProps): JSX.Element {
  const { details, tab, summary, rse, trans, onRse } = props;
  const retry = () => details.retry(tab);
  switch (tab) {
    case 'files':
      if (details.row.type === 'file') {
        return <SingleFile path={summary?.staged_path ?? null} trans={trans} />;
      }
      return details.files ? (
        <Files listing={details.files} trans={trans} onRetry={retry} />
      ) : (
        <Asking trans={trans} />
      );
    case 'replicas':
      return answer(details.replicas, trans, retry, table => (
        <Replicas table={table} rse={rse} trans={trans} onChoose={onRse} />
      ));
    case 'metadata':
      return answer(details.metadata, trans, retry, metadata => (
        <MetadataTable metadata={metadata} />
      ));
    case 'rules':
      return answer(details.rules, trans, retry, rules => (
        <RuleList rules={rules} trans={trans} />
      ));
  }
}

function answer<T>(
  asked: Asked<T> | null,
  trans: TranslationBundle,
  retry: () => void,
  show: (value: T) => JSX.Element
): JSX.Element {
  switch (asked?.state) {
    case undefined:
    case 'loading':
      return <Asking trans={trans} />;
    case 'failed':
      return (
        <Strip
          tone="error"
          icon={warningIcon}
          text={asked.obstacle.detail}
          action={remedy(asked.obstacle, { retry }, trans)}
        />
      );
    case 'ready':
      return show(asked.value);
  }
}

function Asking({ trans }: { trans: TranslationBundle }): JSX.Element {
  return <p className="jp-Rucio-small">{trans.__('Asking Rucio…')}</p>;
}

interface ISingleFileProps {
  path: string | null;
  trans: TranslationBundle;
}

function SingleFile({ path, trans }: ISingleFileProps): JSX.Element {
  return path === null ? (
    <p className="jp-Rucio-small">
      {trans.__('A single file, not staged yet.')}
    </p>
  ) : (
    <Copied text={path} label={trans.__('Copy the path')} />
  );
}

interface IFilesProps {
  listing: Listing;
  trans: TranslationBundle;
  onRetry: () => void;
}

const FILE_ROW = 24;
/** Rows shown before the list scrolls by itself. */
const FILES = 10;
/** Width of a row that is neither name nor size: a gap, and a bar for scrolling. */
const AROUND = 24;

function Files(props: IFilesProps): JSX.Element {
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
  // One element for all of it, so that it is measured whatever it shows.
  return (
    <div className="jp-Rucio-files" ref={ref}>
      {trouble && (
        <Strip
          tone="error"
          icon={warningIcon}
          text={trouble}
          action={{ label: trans.__('Try again'), run: onRetry }}
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

function MetadataTable({ metadata }: { metadata: Metadata }): JSX.Element {
  return (
    <dl className="jp-Rucio-metadata">
      {Object.entries(metadata.values).map(([key, value]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function toneOf({ state }: Rule): 'good' | 'run' | 'error' | 'mute' {
  switch (state) {
    case 'OK':
      return 'good';
    case 'REPLICATING':
      return 'run';
    case 'STUCK':
    case 'SUSPENDED':
      return 'error';
    default:
      return 'mute';
  }
}

function RuleList(props: {
  rules: Rules;
  trans: TranslationBundle;
}): JSX.Element {
  const { rules, trans } = props;
  if (rules.rules.length === 0) {
    return <p className="jp-Rucio-small">{trans.__('No rule holds it.')}</p>;
  }
  return (
    <ul className="jp-Rucio-rules">
      {rules.rules.map(rule => (
        <li key={rule.id}>
          <b>{rule.rse_expression}</b>{' '}
          <span className={`jp-Rucio-mark jp-mod-${toneOf(rule)}`}>
            {rule.state.toLowerCase()}
          </span>
          <small>
            <Facts
              facts={[
                rule.account,
                trans._n('%1 copy', '%1 copies', rule.copies),
                trans.__('%1 locks OK', count(rule.locks_ok)),
                ...(rule.locks_replicating
                  ? [trans.__('%1 on their way', count(rule.locks_replicating))]
                  : []),
                ...(rule.locks_stuck
                  ? [trans.__('%1 stuck', count(rule.locks_stuck))]
                  : []),
                ...(rule.expires_at
                  ? [trans.__('until %1', rule.expires_at.slice(0, 10))]
                  : [])
              ]}
            />
          </small>
          {rule.error && <small>{rule.error}</small>}
        </li>
      ))}
    </ul>
  );
}
