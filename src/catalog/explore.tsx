import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { didText } from '../client/did';
import type { Did } from '../client/generated';
import { warningIcon } from '../components/icons';
import { remedy, Strip } from '../components/notice';
import { Splitter } from '../components/splitter';
import type { IJobs } from '../jobs/model';
import { CommandIDs, type ICells } from '../tokens';
import { Answer, Lack, Tally } from './answer';
import { Chosen } from './chosen';
import { DetailPane } from './detailpane';
import { DidTree } from './didtree';
import { Filters } from './filters';
import type { Catalog } from './model';
import { askedBy, SearchBar } from './searchbar';
import { useStaging } from './staging';

export interface IExploreProps {
  catalog: Catalog;
  jobs: IJobs;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** Null where a site has switched cells off. */
  cells: ICells | null;
}

/** Search, its answer as a tree, the details of what is chosen, and the way to stage it. */
export function Explore(props: IExploreProps): JSX.Element {
  const { catalog, jobs, commands, cells, trans } = props;
  const staging = useStaging(catalog, jobs);
  const frame = React.useRef<HTMLDivElement>(null);
  const { root, summaries, details, instance, view } = catalog;
  const complete = React.useCallback(
    (typed: string) => catalog.completeScope(typed),
    [catalog]
  );

  const focusTree = () =>
    frame.current?.querySelector<HTMLElement>('[role="tree"]')?.focus();
  const focusActions = () =>
    frame.current
      ?.querySelector<HTMLElement>(
        '.jp-Rucio-stage .jp-Rucio-actions button:enabled'
      )
      ?.focus();
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
      onStage={row => void staging.start([row])}
      onClear={() => catalog.clear()}
      onTop={top => view.look({ top })}
      onEnter={focusActions}
      onDragStart={(row, event) => {
        // One of the chosen rows brings the others along.
        const rows = catalog.isSelected(row.did) ? catalog.chosen : [row];
        if (instance && catalog.plan(rows).readable) {
          const dids = rows.map(({ did }) => did);
          cells?.drag(instance, dids, event);
        }
      }}
    />
  );
  return (
    <div className="jp-Rucio-explore" ref={frame}>
      <SearchBar
        search={catalog.search}
        typed={view.typed}
        wildcards={catalog.wildcards}
        trans={trans}
        complete={complete}
        onType={typed => view.type(typed)}
        onSearch={search => catalog.ask(search)}
        onPaste={dids => catalog.paste(dids)}
      />
      {!catalog.pasted && (
        <Filters
          search={catalog.search}
          trans={trans}
          onSearch={search =>
            catalog.ask({ ...askedBy(view.typed), ...search })
          }
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
              rse={catalog.rseOf([details.row])}
              trans={trans}
              onTab={tab => view.look({ tab })}
              onRse={value => view.chooseRse(details.row.did, value)}
              onCopy={() => copy(details.row.did)}
              onRefresh={() => {
                catalog.renew();
                details.renew();
              }}
              onClose={closeDetails}
            />
          ) : null
        }
      />
      <Chosen {...props} staging={staging} />
    </div>
  );
}
