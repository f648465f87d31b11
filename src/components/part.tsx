import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JobRequest } from '../client/generated';

/** How much of what is chosen to stage; all of it where nothing is said. */
export type Part = Partial<Pick<JobRequest, 'first' | 'pattern'>>;

/** Whether less than the whole is meant. */
export function isPart({ first, pattern }: Part): boolean {
  return Boolean(first || pattern);
}

interface IPartFieldsProps {
  part: Part;
  trans: TranslationBundle;
  onChange: (part: Part) => void;
}

const PATTERN = '*.root';

/** So many whole files as a text says; null where it says none. */
function countOf(text: string): number | null {
  return Math.max(0, Math.floor(Number(text))) || null;
}

/** Asks for a part: so many files, or those with such names. */
export function PartFields(props: IPartFieldsProps): JSX.Element {
  const { part, trans, onChange } = props;
  return (
    <div className="jp-Rucio-part">
      <label>
        {trans.__('First')}
        <input
          className="jp-mod-styled"
          type="number"
          min={1}
          placeholder={trans.__('all')}
          value={part.first ?? ''}
          onChange={event =>
            onChange({ ...part, first: countOf(event.target.value) })
          }
        />
        {trans.__('files')}
      </label>
      <label>
        {trans.__('named')}
        <input
          className="jp-mod-styled"
          aria-label={trans.__('Only files named')}
          placeholder={PATTERN}
          spellCheck={false}
          value={part.pattern ?? ''}
          onChange={event =>
            onChange({ ...part, pattern: event.target.value || null })
          }
        />
      </label>
    </div>
  );
}
