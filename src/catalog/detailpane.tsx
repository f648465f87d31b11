import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Asked } from '../client/asked';
import { didText } from '../client/did';
import type { DidSummary } from '../client/generated';
import { Boundary } from '../components/boundary';
import { IconButton } from '../components/button';
import { warningIcon } from '../components/icons';
import { remedy, Strip } from '../components/notice';
import { TabBody, Tabs } from '../components/tabs';
import { Breakable } from '../components/texts';
import type { Details, DetailTab } from './details';
import { Files, SingleFile } from './files';
import { Hindrance } from './hindrance';
import { MetadataTable } from './metadata';
import { Replicas } from './replicas';
import { RuleList } from './rules';

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
  const did = didText(details.row.did);
  React.useEffect(() => details.show(tab), [details, tab]);
  const tabs = [
    { id: 'files', label: trans.__('Files') },
    { id: 'replicas', label: trans.__('Replicas') },
    { id: 'metadata', label: trans.__('Metadata') },
    { id: 'rules', label: trans.__('Rules') }
  ];
  const show = (id: DetailTab) => {
    onTab(id);
    // What it shows may be below the edge of a small pane.
    document.getElementById(`${PREFIX}-tab-${id}`)?.focus();
  };
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
          <Breakable text={did} />
        </h3>
      </div>
      {summary && (
        <Hindrance
          summary={summary}
          trans={trans}
          onShow={show}
          onRefresh={props.onRefresh}
        />
      )}
      <Tabs
        tabs={tabs}
        current={tab}
        label={trans.__('Details')}
        prefix={PREFIX}
        look="line"
        onSelect={id => onTab(id as DetailTab)}
      />
      <TabBody current={tab} prefix={PREFIX}>
        <Boundary
          key={`${tab} ${did}`}
          trans={trans}
          small
          onRetry={() => details.retry(tab)}
        >
          <Shown {...props} />
        </Boundary>
      </TabBody>
    </section>
  );
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
