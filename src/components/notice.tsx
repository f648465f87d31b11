import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Obstacle } from '../client/failure';
import { Button } from './button';
import { Sentence } from './texts';

/** The one thing to do about a state. */
export interface IAction {
  label: string;
  run: () => void;
}

export interface INoticeProps {
  icon: LabIcon;
  /** What is the matter, in a few words. */
  title: string;
  /** Why, and what to do, in a sentence. */
  text?: string | null;
  action?: IAction | null;
  /** The look of its button; `plain` where something else is to be done first. */
  look?: 'primary' | 'plain';
  /** For who wants to know exactly: a class of exception, a key. */
  detail?: string | null;
  children?: React.ReactNode;
}

/** A state that fills its place: empty, loading, error, signed out, offline. */
export function Notice(props: INoticeProps): JSX.Element {
  const { icon, title, text, action, look, detail, children } = props;
  return (
    <div className="jp-Rucio-notice" role="status">
      <icon.react
        tag="span"
        className="jp-Rucio-notice-icon"
        aria-hidden="true"
      />
      <h3>{title}</h3>
      {text && (
        <p>
          <Sentence text={text} />
        </p>
      )}
      {action && (
        <Button look={look ?? 'primary'} onClick={action.run}>
          {action.label}
        </Button>
      )}
      {detail && <code className="jp-Rucio-detail">{detail}</code>}
      {children}
    </div>
  );
}

export interface IStripProps {
  tone: 'info' | 'warn' | 'error';
  icon: LabIcon;
  text: string;
  action?: IAction | null;
}

/** A state told in a line, beside what goes on working. */
export function Strip(props: IStripProps): JSX.Element {
  const { tone, icon, text, action } = props;
  return (
    <div className={`jp-Rucio-strip jp-mod-${tone}`} role="status">
      <icon.react tag="span" aria-hidden="true" />
      <span>
        <Sentence text={text} />
        {action && (
          <>
            {' '}
            <Button look="link" onClick={action.run}>
              {action.label}
            </Button>
          </>
        )}
      </span>
    </div>
  );
}

/** The remedies that the place of an obstacle can offer. */
export interface IRemedies {
  signIn?: () => void;
  retry?: () => void;
}

/** The one action that fits an obstacle here; null where the user can do nothing. */
export function remedy(
  obstacle: Obstacle,
  remedies: IRemedies,
  trans: TranslationBundle
): IAction | null {
  if (obstacle.do === 'signin' && remedies.signIn) {
    return { label: trans.__('Sign in'), run: remedies.signIn };
  }
  if (remedies.retry && obstacle.do !== 'none') {
    return { label: trans.__('Try again'), run: remedies.retry };
  }
  return null;
}
