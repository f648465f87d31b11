import type { TranslationBundle } from '@jupyterlab/translation';
import { searchIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { warningIcon } from '../components/icons';
import { Notice, remedy, Strip } from '../components/notice';
import { count, seconds } from '../components/quantity';
import { CommandIDs } from '../tokens';
import type { Listing } from './listing';

export interface ITallyProps {
  listing: Listing;
  trans: TranslationBundle;
}

/** How much was found, and whether that is all. */
export function Tally({ listing, trans }: ITallyProps): JSX.Element | null {
  const { length, arriving, complete } = listing;
  if (listing.obstacle || length === 0) {
    return null;
  }
  const found =
    listing.query.kind === 'dids'
      ? trans._n('%2 pasted DID', '%2 pasted DIDs', length, count(length))
      : trans._n('%2 result', '%2 results', length, count(length));
  return (
    // A number that still rises is not read out each time.
    <p className="jp-Rucio-tally" role="status" aria-busy={arriving}>
      {arriving
        ? trans.__('%1 so far, more are coming', found)
        : complete
          ? `${found} · ${seconds(listing.seconds, trans)}`
          : trans.__('%1, incomplete', found)}
    </p>
  );
}

export interface ILackProps {
  listing: Listing;
  trans: TranslationBundle;
  onRefresh: () => void;
}

/** Why rows lack that belong to the answer, and how to have them. */
export function Lack({
  listing,
  trans,
  onRefresh
}: ILackProps): JSX.Element | null {
  const { cut, lapse, expired } = listing;
  const text = lapse?.detail ?? cut;
  const action =
    lapse && !expired
      ? remedy(lapse, { retry: () => listing.retry() }, trans)
      : { label: trans.__('Search again'), run: onRefresh };
  return text ? (
    <Strip tone="warn" icon={warningIcon} text={text} action={action} />
  ) : null;
}

export interface IAnswerProps {
  /** Null: nothing was asked yet. */
  listing: Listing | null;
  commands: CommandRegistry;
  trans: TranslationBundle;
  onRetry: () => void;
  children: React.ReactNode;
}

/** The tree, or the state that stands in its place. */
export function Answer(props: IAnswerProps): JSX.Element {
  const { listing, commands, trans, onRetry, children } = props;
  if (!listing) {
    return (
      <Notice
        icon={searchIcon}
        title={trans.__('Find data')}
        text={trans.__(
          'Choose a scope and, if you like, a name. Or paste a list of DIDs.'
        )}
        look="plain"
        action={{
          label: trans.__('Paste a list'),
          run: () => void commands.execute(CommandIDs.pasteDids)
        }}
      />
    );
  }
  if (listing.obstacle) {
    return (
      <Notice
        icon={warningIcon}
        title={trans.__('The search was not answered')}
        text={listing.obstacle.detail}
        detail={listing.obstacle.exception}
        action={remedy(
          listing.obstacle,
          {
            signIn: () => void commands.execute(CommandIDs.signIn),
            retry: onRetry
          },
          trans
        )}
      />
    );
  }
  if (listing.length === 0) {
    return listing.arriving ? (
      <Notice icon={searchIcon} title={trans.__('Asking Rucio…')} />
    ) : (
      <Notice
        icon={searchIcon}
        title={trans.__('Nothing found')}
        text={
          listing.cut ??
          trans.__('Try another scope, a name with *, or all kinds of DIDs.')
        }
        action={{ label: trans.__('Search again'), run: onRetry }}
      />
    );
  }
  return <>{children}</>;
}
