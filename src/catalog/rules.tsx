import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Rule, Rules } from '../client/generated';
import { count } from '../components/quantity';
import { Facts, rucioWord } from '../components/texts';

export interface IRuleListProps {
  rules: Rules;
  trans: TranslationBundle;
}

/** The rules that hold a DID, and how far each of them is. */
export function RuleList({ rules, trans }: IRuleListProps): JSX.Element {
  if (rules.rules.length === 0) {
    return <p className="jp-Rucio-small">{trans.__('No rule holds it.')}</p>;
  }
  return (
    <ul className="jp-Rucio-rules">
      {rules.rules.map(rule => (
        <li key={rule.id}>
          <b>{rule.rse_expression}</b>{' '}
          <span className={`jp-Rucio-mark jp-mod-${toneOf(rule)}`}>
            {rucioWord(rule.state)}
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
