import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { DidSummary } from '../client/generated';
import { noteIcon, tapeIcon, warningIcon } from '../components/icons';
import { type IAction, Strip } from '../components/notice';
import type { DetailTab } from './details';

export interface IHindranceProps {
  summary: DidSummary;
  trans: TranslationBundle;
  /** Leads to a tab that tells more. */
  onShow: (tab: DetailTab) => void;
  onRefresh: () => void;
}

/** What keeps a DID from being staged, or from being whole, with the one thing to do. */
export function Hindrance(props: IHindranceProps): JSX.Element | null {
  const { summary, trans, onShow, onRefresh } = props;
  const show = (tab: DetailTab, label: string): IAction => ({
    label,
    run: () => onShow(tab)
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
