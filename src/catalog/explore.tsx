import type { TranslationBundle } from '@jupyterlab/translation';
import { searchIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { type Obstacle, obstacleOf } from '../client/failure';
import type { Did, DidRow } from '../client/generated';
import { warningIcon } from '../components/icons';
import type { MenuEntry } from '../components/menu';
import { Notice, remedy, Strip } from '../components/notice';
import type { Part } from '../components/part';
import { count, seconds } from '../components/quantity';
import { Splitter } from '../components/splitter';
import type { IJobs } from '../jobs/model';
import { CommandIDs, type ICells } from '../tokens';
import { DetailPane } from './detailpane';
import { didText } from './did';
import { DidTree } from './didtree';
import { Filters } from './filters';
import type { Listing } from './listing';
import type { Catalog } from './model';
import { SearchBar } from './searchbar';
import { LONGEST } from './selection';
import { StageBar } from './stagebar';

export interface IExploreProps {
  catalog: Catalog;
  jobs: IJobs;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** Null where a site has switched cells off. */
  cells: ICells | null;
}

/** Why the last job could not be started, and how to try it again. */
type Refusal = Obstacle & { again: () => Promise<void> };

/** Search, its answer as a tree, the details of what is chosen, and the way to stage it. */
export function Explore(props: IExploreProps): JSX.Element {
  const { catalog, jobs, commands, cells, trans } = props;
  const [busy, setBusy] = React.useState(false);
  const [refused, setRefused] = React.useState<Refusal | null>(null);
  const frame = React.useRef<HTMLDivElement>(null);
  const { root, summaries, chosen, details, instance, view } = catalog;
  const rse = catalog.rseOf(chosen);
  const choice = chosen.map(row => didText(row.did)).join('\n');
  const complete = React.useCallback(
    (typed: string) => catalog.completeScope(typed),
    [catalog]
  );

  React.useEffect(() => {
    setRefused(null);
    if (choice) {
      void jobs.refreshStore();
    }
  }, [jobs, choice]);

  const stage = async (rows: readonly DidRow[], part: Part = {}) => {
    if (!instance) {
      return;
    }
    setBusy(true);
    setRefused(null);
    try {
      const dids = rows.map(row => row.did);
      await jobs.start({ instance, dids, rse: catalog.rseOf(rows), ...part });
    } catch (reason) {
      setRefused({ ...obstacleOf(reason), again: () => stage(rows, part) });
    } finally {
      setBusy(false);
    }
  };
  const isStarted = chosen.every(row => instance && jobs.of(instance, row.did));
  const focusTree = () =>
    frame.current?.querySelector<HTMLElement>('[role="tree"]')?.focus();
  const focusActions = () =>
    frame.current
      ?.querySelector<HTMLElement>(
        '.jp-Rucio-stage .jp-Rucio-actions button:enabled'
      )
      ?.focus();
  const reveal = commands.hasCommand(CommandIDs.reveal)
    ? (path: string) => void commands.execute(CommandIDs.reveal, { path })
    : null;
  const closeDetails = () => {
    view.hide(true);
    focusTree();
  };
  const copy = (did: Did) =>
    void commands.execute(CommandIDs.copyDid, { did: didText(did) });

  const tree = root && summaries && (
    <DidTree
      key={catalog.questions}
      root={root}
      summaries={summaries}
      active={catalog.active}
      start={view.memory.top}
      isSelected={did => catalog.isSelected(did)}
      jobOf={did => (instance ? jobs.of(instance, did) : null)}
      trans={trans}
      onChoose={(place, choice) => catalog.choose(place, choice)}
      onToggle={(place, open) => catalog.toggle(place, open)}
      onStage={row => void stage([row])}
      onClear={() => catalog.clear()}
      onTop={top => view.look({ top })}
      onEnter={focusActions}
      onDragStart={(row, event) => {
        if (instance && catalog.plan([row]).readable) {
          cells?.drag(instance, row.did, event);
        }
      }}
    />
  );
  return (
    <div className="jp-Rucio-explore" ref={frame}>
      <SearchBar
        search={catalog.search}
        wildcards={catalog.wildcards}
        trans={trans}
        complete={complete}
        onSearch={search => catalog.ask(search)}
        onPaste={dids => catalog.paste(dids)}
      />
      {!catalog.pasted && (
        <Filters
          search={catalog.search}
          trans={trans}
          onSearch={search => catalog.ask(search)}
        />
      )}
      {root && <Tally listing={root.listing} trans={trans} />}
      {root && root.listing.length > 0 && (
        <Lack
          listing={root.listing}
          trans={trans}
          onRefresh={() => catalog.refresh()}
        />
      )}
      {summaries?.obstacle && (
        <Strip
          tone="warn"
          icon={warningIcon}
          text={summaries.obstacle.detail}
          action={remedy(
            summaries.obstacle,
            {
              signIn: () => void commands.execute(CommandIDs.signIn),
              retry: () => catalog.renew()
            },
            trans
          )}
        />
      )}
      <Splitter
        label={trans.__('Height of the details')}
        hint={trans.__('Drag to resize the details; double-click to fold them')}
        share={view.memory.share}
        collapsed={view.hidden}
        onResize={share => view.look({ share })}
        onCollapse={hidden => view.hide(hidden)}
        top={
          <Answer
            listing={root?.listing ?? null}
            commands={commands}
            trans={trans}
            onRetry={() => catalog.refresh()}
          >
            {tree}
          </Answer>
        }
        bottom={
          details ? (
            <DetailPane
              details={details}
              summary={summaries?.get(details.row.did)}
              tab={view.memory.tab}
              rse={rse}
              trans={trans}
              onTab={tab => view.look({ tab })}
              onRse={value => view.chooseRse(details.row.did, value)}
              onCopy={() => copy(details.row.did)}
              onRefresh={() => catalog.renew()}
              onClose={closeDetails}
            />
          ) : null
        }
      />
      {refused && (
        <Strip
          tone="error"
          icon={warningIcon}
          text={refused.detail}
          action={remedy(
            refused,
            {
              signIn: () => void commands.execute(CommandIDs.signIn),
              retry: () => void refused.again()
            },
            trans
          )}
        />
      )}
      {catalog.tooMany !== null && (
        <Strip
          tone="warn"
          icon={warningIcon}
          text={trans.__(
            'These are %1 DIDs; no more than %2 can be chosen at once. The choice stays as it was.',
            count(catalog.tooMany),
            count(LONGEST)
          )}
        />
      )}
      {catalog.choosing && (
        <div className="jp-Rucio-stage" role="status">
          {trans.__('Loading what is chosen…')}
        </div>
      )}
      {chosen.length > 0 && !catalog.choosing && (
        <StageBar
          key={choice}
          rows={chosen}
          summaries={catalog.summariesOf(chosen)}
          store={jobs.store}
          rse={rse}
          trans={trans}
          commands={commands}
          cells={
            cells && instance ? () => entries(cells, instance, chosen) : null
          }
          busy={busy}
          started={isStarted}
          onShowJobs={
            commands.hasCommand(CommandIDs.showJobs)
              ? () => void commands.execute(CommandIDs.showJobs)
              : null
          }
          onStage={part => void stage(chosen, part)}
          onReveal={reveal}
        />
      )}
    </div>
  );
}

/** The ways of putting the chosen DIDs into a notebook. */
async function entries(
  cells: ICells,
  instance: string,
  rows: readonly DidRow[]
): Promise<MenuEntry[]> {
  const dids = rows.map(row => row.did);
  const args = { instance, dids: dids.map(didText) };
  const offers = await cells.offers(instance, dids);
  const command = CommandIDs.insertCell;
  return offers.length
    ? offers.map(template => ({ command, args: { ...args, template } }))
    : [{ command, args }];
}

interface ITallyProps {
  listing: Listing;
  trans: TranslationBundle;
}

/** How much was found, and whether that is all. */
function Tally({ listing, trans }: ITallyProps): JSX.Element | null {
  const { length, arriving, complete } = listing;
  if (listing.obstacle || length === 0) {
    return null;
  }
  const found =
    listing.query.kind === 'dids'
      ? trans._n('%2 pasted DID', '%2 pasted DIDs', length, count(length))
      : trans._n('%2 result', '%2 results', length, count(length));
  return (
    <p className="jp-Rucio-tally" role="status">
      {arriving
        ? trans.__('%1 so far, more are coming', found)
        : complete
          ? `${found} · ${seconds(listing.seconds, trans)}`
          : trans.__('%1, incomplete', found)}
    </p>
  );
}

interface ILackProps {
  listing: Listing;
  trans: TranslationBundle;
  onRefresh: () => void;
}

/** Why rows lack that belong to the answer, and how to have them. */
function Lack({ listing, trans, onRefresh }: ILackProps): JSX.Element | null {
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

interface IAnswerProps {
  /** Null: nothing was asked yet. */
  listing: Listing | null;
  commands: CommandRegistry;
  trans: TranslationBundle;
  onRetry: () => void;
  children: React.ReactNode;
}

/** The tree, or the state that stands in its place. */
function Answer(props: IAnswerProps): JSX.Element {
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
        title={trans.__('Rucio did not answer the search')}
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
