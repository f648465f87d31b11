import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { didText } from '../client/did';
import type { DidRow } from '../client/generated';
import { warningIcon } from '../components/icons';
import type { MenuEntry } from '../components/menu';
import { remedy, Strip } from '../components/notice';
import { count } from '../components/quantity';
import type { IJobs } from '../jobs/model';
import { CommandIDs, type ICells } from '../tokens';
import type { Catalog } from './model';
import { LONGEST } from './selection';
import { StageBar } from './stagebar';
import type { IStaging } from './staging';

export interface IChosenProps {
  catalog: Catalog;
  jobs: IJobs;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** Null where a site has switched cells off. */
  cells: ICells | null;
  staging: IStaging;
}

/** What can be done with what is chosen, and what stands in the way of choosing or staging it. */
export function Chosen(props: IChosenProps): JSX.Element {
  const { catalog, jobs, commands, cells, trans, staging } = props;
  const { chosen, instance } = catalog;
  const { refused } = staging;
  const isStarted = chosen.every(row => instance && jobs.of(instance, row.did));
  const reveal = commands.hasCommand(CommandIDs.reveal)
    ? (path: string) => void commands.execute(CommandIDs.reveal, { path })
    : null;
  return (
    <>
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
          key={chosen.map(row => didText(row.did)).join('\n')}
          rows={chosen}
          summaries={catalog.summariesOf(chosen)}
          store={jobs.store}
          rse={catalog.rseOf(chosen)}
          trans={trans}
          commands={commands}
          cells={
            cells && instance ? () => entries(cells, instance, chosen) : null
          }
          busy={staging.busy}
          started={isStarted}
          onShowJobs={
            commands.hasCommand(CommandIDs.showJobs)
              ? () => void commands.execute(CommandIDs.showJobs)
              : null
          }
          onStage={part => void staging.start(chosen, part)}
          onReveal={reveal}
        />
      )}
    </>
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
