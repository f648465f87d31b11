import type { TranslationBundle } from '@jupyterlab/translation';
import { addIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { MetadataFilter } from '../client/generated';
import { Button, Chip } from '../components/button';
import type { Search } from './model';

export interface IFiltersProps {
  search: Search;
  trans: TranslationBundle;
  onSearch: (search: Partial<Search>) => void;
}

type Kind = 'container' | 'dataset' | 'file';

/** The kinds of DIDs in what can be asked for. */
const KINDS: Record<Search['type'], readonly Kind[]> = {
  all: ['container', 'dataset', 'file'],
  collection: ['container', 'dataset'],
  container: ['container'],
  dataset: ['dataset'],
  file: ['file']
};

const COMPARISONS: readonly MetadataFilter['comparison'][] = [
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>='
];

/** Which kinds of DIDs, and conditions on their metadata, as chips. */
export function Filters(props: IFiltersProps): JSX.Element {
  const { search, trans, onSearch } = props;
  const [adding, setAdding] = React.useState(false);
  const kinds: [Kind, string][] = [
    ['container', trans.__('Containers')],
    ['dataset', trans.__('Datasets')],
    ['file', trans.__('Files')]
  ];
  const without = (index: number) =>
    search.filters.filter((_, other) => other !== index);
  return (
    <div className="jp-Rucio-filters">
      <div
        className="jp-Rucio-chips"
        role="group"
        aria-label={trans.__('Kinds and conditions')}
      >
        {kinds.map(([kind, label]) => (
          <Chip
            key={kind}
            pressed={KINDS[search.type].includes(kind)}
            onClick={() => onSearch({ type: toggled(search.type, kind) })}
          >
            {label}
          </Chip>
        ))}
        {search.filters.map((filter, index) => (
          <button
            key={index}
            type="button"
            className="jp-Rucio-chip jp-mod-on"
            aria-label={trans.__('Remove the condition %1', filterText(filter))}
            onClick={() => onSearch({ filters: without(index) })}
          >
            {filterText(filter)}
            <closeIcon.react tag="span" aria-hidden="true" />
          </button>
        ))}
        <button
          type="button"
          className="jp-Rucio-chip"
          aria-label={trans.__('Filter')}
          title={trans.__('Filter by metadata')}
          aria-expanded={adding}
          onClick={() => setAdding(!adding)}
        >
          <addIcon.react tag="span" aria-hidden="true" />
          <span className="jp-Rucio-chip-word">{trans.__('Filter')}</span>
        </button>
      </div>
      {adding && (
        <FilterForm
          trans={trans}
          onCancel={() => setAdding(false)}
          onAdd={filter => {
            setAdding(false);
            onSearch({ filters: [...search.filters, filter] });
          }}
        />
      )}
    </div>
  );
}

interface IFilterFormProps {
  trans: TranslationBundle;
  onAdd: (filter: MetadataFilter) => void;
  onCancel: () => void;
}

function FilterForm(props: IFilterFormProps): JSX.Element {
  const { trans, onAdd, onCancel } = props;
  const [key, setKey] = React.useState('');
  const [comparison, setComparison] =
    React.useState<MetadataFilter['comparison']>('=');
  const [value, setValue] = React.useState('');
  return (
    <form
      className="jp-Rucio-filterForm"
      aria-label={trans.__('Condition on the metadata')}
      onSubmit={event => {
        event.preventDefault();
        onAdd({ key: key.trim(), comparison, value: typed(value.trim()) });
      }}
      onKeyDown={event => event.key === 'Escape' && onCancel()}
    >
      <span>
        <input
          className="jp-mod-styled"
          aria-label={trans.__('Key')}
          placeholder={trans.__('Key')}
          spellCheck={false}
          autoFocus
          required
          value={key}
          onChange={event => setKey(event.target.value)}
        />
        <select
          className="jp-mod-styled"
          aria-label={trans.__('Comparison')}
          value={comparison}
          onChange={event =>
            setComparison(event.target.value as MetadataFilter['comparison'])
          }
        >
          {COMPARISONS.map(sign => (
            <option key={sign}>{sign}</option>
          ))}
        </select>
      </span>
      <span>
        <input
          className="jp-mod-styled"
          aria-label={trans.__('Value')}
          placeholder={trans.__('Value')}
          spellCheck={false}
          required
          value={value}
          onChange={event => setValue(event.target.value)}
        />
        <Button type="submit">{trans.__('Add')}</Button>
      </span>
    </form>
  );
}

/** What is searched for once a kind was switched on or off; never nothing. */
export function toggled(type: Search['type'], kind: Kind): Search['type'] {
  if (type === 'all' && kind !== 'file') {
    return 'file'; // both kinds of collections go, since Rucio takes files with both or with none
  }
  const on = KINDS[type].includes(kind)
    ? KINDS[type].filter(other => other !== kind)
    : [...KINDS[type], kind];
  if (on.length === 0) {
    return type;
  }
  const exact = Object.entries(KINDS).find(
    ([, kinds]) =>
      kinds.length === on.length && on.every(one => kinds.includes(one))
  );
  // For the same reason the other kind comes along.
  return (exact?.[0] as Search['type'] | undefined) ?? 'all';
}

export function filterText(filter: MetadataFilter): string {
  return `${filter.key} ${filter.comparison} ${filter.value}`;
}

/** A value as the catalogue compares it: numbers and truths are not texts. */
export function typed(text: string): MetadataFilter['value'] {
  if (text === 'true' || text === 'false') {
    return text === 'true';
  }
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
