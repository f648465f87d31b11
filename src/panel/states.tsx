import type { TranslationBundle } from '@jupyterlab/translation';
import { offlineBoltIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IEngine } from '../client/engine';
import type { Obstacle } from '../client/failure';
import type { InstanceInfo } from '../client/generated';
import { Button } from '../components/button';
import { noteIcon, rucioIcon, warningIcon } from '../components/icons';
import { Notice, Strip } from '../components/notice';
import { duration } from '../components/quantity';
import type { IAccounts } from '../tokens';

export interface IPanelStateProps {
  accounts: IAccounts;
  engine: IEngine;
  trans: TranslationBundle;
  onAdd: () => void;
  /** Null where a site has switched the demo off. */
  onDemo: (() => void) | null;
  /** The form for an instance at which the user is signed out. */
  signIn: (instance: InstanceInfo) => JSX.Element;
  /** What is shown when nothing stands in the way. */
  children: React.ReactNode;
}

/** What the panel shows as a whole: its tabs, or the one thing that stands in their way. */
export function PanelState(props: IPanelStateProps): JSX.Element {
  const { accounts, engine, trans, onAdd, onDemo, signIn, children } = props;
  const { known, current, obstacle } = accounts;
  const retry = () => void engine.retry().then(() => accounts.refresh());

  const blocked = engine.obstacle ?? (known ? null : obstacle);
  if (blocked) {
    return <Blocked obstacle={blocked} trans={trans} onRetry={retry} />;
  }
  if (!known) {
    return <Notice icon={rucioIcon} title={trans.__('One moment…')} />;
  }
  if (!current) {
    return (
      <Notice
        icon={known.problem ? warningIcon : rucioIcon}
        title={
          known.problem
            ? trans.__('The configuration cannot be read')
            : trans.__('No Rucio instance yet')
        }
        text={
          known.problem ??
          trans.__('Add the Rucio of your experiment by its address.')
        }
        action={{ label: trans.__('Add an instance'), run: onAdd }}
      >
        {onDemo && (
          <Button look="link" onClick={onDemo}>
            {trans.__('Or try the demo')}
          </Button>
        )}
      </Notice>
    );
  }
  if (current.problem) {
    return (
      <Notice
        icon={warningIcon}
        title={trans.__('%1 is not configured correctly', current.display_name)}
        text={current.problem}
        detail={current.source_detail}
        action={{ label: trans.__('Try again'), run: retry }}
      />
    );
  }
  return current.account.state === 'signed-out' ? (
    <div className="jp-Rucio-scroll">{signIn(current)}</div>
  ) : (
    <>{children}</>
  );
}

interface IBlockedProps {
  obstacle: Obstacle;
  trans: TranslationBundle;
  onRetry: () => void;
}

function Blocked({ obstacle, trans, onRetry }: IBlockedProps): JSX.Element {
  const again = { label: trans.__('Try again'), run: onRetry };
  switch (obstacle.type) {
    case 'engine-down':
      return (
        <Notice
          icon={warningIcon}
          title={trans.__('The Rucio engine has stopped')}
          text={obstacle.detail}
          action={{ label: trans.__('Start it again'), run: onRetry }}
        />
      );
    case 'offline':
      return (
        <Notice
          icon={offlineBoltIcon}
          title={trans.__('Offline')}
          text={obstacle.detail}
          action={again}
        />
      );
    default:
      return (
        <Notice
          icon={warningIcon}
          title={trans.__('Rucio cannot be used now')}
          text={obstacle.detail}
          detail={obstacle.exception}
          action={again}
        />
      );
  }
}

export interface IWarningsProps {
  accounts: IAccounts;
  trans: TranslationBundle;
  onSignIn: () => void;
}

/** What will soon stand in the way, or does in part, above the tabs that go on working. */
export function Warnings(props: IWarningsProps): JSX.Element | null {
  const { accounts, trans, onSignIn } = props;
  const { current, known } = accounts;
  const account = current?.account;
  const signIn = { label: trans.__('Sign in'), run: onSignIn };
  return (
    <>
      {known?.problem && (
        <Strip tone="warn" icon={noteIcon} text={known.problem} />
      )}
      {account?.state === 'lapsing' && (
        <Strip
          tone="warn"
          icon={noteIcon}
          text={trans.__(
            'Your sign-in lapses in %1.',
            duration((account.expires_at ?? 0) - Date.now() / 1000, trans)
          )}
          action={signIn}
        />
      )}
      {account?.state === 'lapsed' && (
        <Strip
          tone="warn"
          icon={warningIcon}
          text={trans.__('Your sign-in has lapsed. Nothing is lost.')}
          action={signIn}
        />
      )}
    </>
  );
}
