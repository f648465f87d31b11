import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, folderIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { DidRow, DidSummary, StoreStatus } from '../client/generated';
import { Button, IconButton } from '../components/button';
import { MenuButton, type MenuEntry } from '../components/menu';
import { isPart, type Part, PartFields } from '../components/part';
import { count, freeRoom, size } from '../components/quantity';
import { Facts } from '../components/texts';
import { type IPlan, planOf } from './plan';

export interface IStageBarProps {
  rows: readonly DidRow[];
  /** Of the chosen DIDs, as far as they are known. */
  summaries: readonly DidSummary[];
  store: StoreStatus | null;
  /** The RSE that was chosen; null: automatic. */
  rse: string | null;
  trans: TranslationBundle;
  commands: CommandRegistry;
  /** The ways of putting them into a notebook; null where that is switched off. */
  cells: (() => Promise<readonly MenuEntry[]>) | null;
  busy: boolean;
  /** Whether all that is chosen is on its way already. */
  started: boolean;
  /** Leads to the jobs; null where these are not shown. */
  onShowJobs: (() => void) | null;
  onStage: (part: Part) => void;
  /** Shows what is staged in the file browser; null where it cannot be shown. */
  onReveal: ((path: string) => void) | null;
}

/** What staging would bring and whether it fits, said before it starts; and the button for it. */
export function StageBar(props: IStageBarProps): JSX.Element {
  const { rows, summaries, store, rse, trans, commands, cells } = props;
  const { onReveal, onShowJobs } = props;
  const [part, setPart] = React.useState<Part>({});
  const [partial, setPartial] = React.useState(false);
  const plan = planOf(rows, summaries);
  const started = props.started && !plan.whole;
  const free = store?.free_bytes ?? null;
  const path = summaries.length === 1 ? summaries[0].staged_path : null;
  const divisible = rows.length > 1 || rows.some(({ type }) => type !== 'file');
  const tooLarge = free !== null && plan.bytes - plan.bytesHere > free;
  return (
    <div className="jp-Rucio-stage">
      <div className="jp-Rucio-stage-told">
        {divisible && !plan.whole && !plan.barred && !started && (
          <Button
            look="link"
            aria-expanded={partial}
            onClick={() => setPartial(!partial)}
          >
            {partial ? trans.__('All of it') : trans.__('Only a part…')}
          </Button>
        )}
        <p className={tooLarge ? 'jp-mod-warn' : undefined} role="status">
          <Facts facts={planFacts(plan, rows.length, free, tooLarge, trans)} />
        </p>
      </div>
      {partial && !started && (
        <PartFields part={part} trans={trans} onChange={setPart} />
      )}
      <div className="jp-Rucio-actions">
        {started && onShowJobs && (
          <Button key="stage" onClick={onShowJobs}>
            {trans.__('Show in Jobs')}
          </Button>
        )}
        {!plan.whole && !started && (
          <Button
            key="stage"
            look="primary"
            busy={props.busy}
            disabled={plan.barred}
            onClick={() => props.onStage(partial ? part : {})}
          >
            {stageLabel(plan, partial && isPart(part), rse, trans)}
          </Button>
        )}
        {cells && (
          <MenuButton
            commands={commands}
            className={`jp-Rucio-button jp-mod-${plan.whole ? 'primary' : 'plain'}`}
            label={trans.__('Insert into notebook')}
            disabled={!plan.readable}
            entries={cells}
          >
            {plan.whole ? trans.__('Insert into notebook') : trans.__('Insert')}
            <caretDownIcon.react
              tag="span"
              className="jp-Rucio-caret"
              aria-hidden="true"
            />
          </MenuButton>
        )}
        {path && onReveal && (
          <IconButton
            icon={folderIcon}
            label={trans.__('Show in the file browser')}
            onClick={() => onReveal(path)}
          />
        )}
      </div>
    </div>
  );
}

function planFacts(
  plan: IPlan,
  dids: number,
  free: number | null,
  tooLarge: boolean,
  trans: TranslationBundle
): string[] {
  const parts: string[] = [];
  if (dids > 1) {
    parts.push(trans.__('%1 chosen', count(dids)));
  }
  if (plan.files > 0) {
    const files = trans._n(
      '%2 file',
      '%2 files',
      plan.files,
      count(plan.files)
    );
    parts.push(plan.counting ? trans.__('%1 so far', files) : files);
    parts.push(size(plan.bytes));
  }
  if (plan.here > 0) {
    parts.push(
      plan.whole
        ? trans.__('all here already')
        : trans.__('%1 here already', count(plan.here))
    );
  }
  if (dids > 1 && plan.outOfReach > 0 && !plan.whole) {
    parts.push(trans.__('%1 out of reach', count(plan.outOfReach)));
  }
  if (free !== null && !plan.whole && !plan.barred) {
    parts.push(freeRoom(free, tooLarge, trans));
  }
  return parts;
}

function stageLabel(
  plan: IPlan,
  part: boolean,
  rse: string | null,
  trans: TranslationBundle
): string {
  if (part) {
    return rse
      ? trans.__('Stage this part from %1', rse)
      : trans.__('Stage this part');
  }
  if (rse) {
    return trans.__('Stage from %1', rse);
  }
  return plan.here > 0 ? trans.__('Stage the rest') : trans.__('Stage');
}
