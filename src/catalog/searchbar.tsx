import type { TranslationBundle } from '@jupyterlab/translation';
import { searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { parseDid, parseDids } from '../client/did';
import type { Did } from '../client/generated';
import { IconButton } from '../components/button';
import type { IScopes } from './model';
import type { ITyped } from './view';

export interface ISearchBarProps {
  /** What was asked last; another one takes the place of what was typed. */
  search: ITyped;
  /** What stands in the fields at first. */
  typed: ITyped;
  /** Whether the instance allows `*` in names. */
  wildcards: boolean;
  trans: TranslationBundle;
  complete: (typed: string) => Promise<IScopes>;
  onType: (typed: ITyped) => void;
  onSearch: (search: ITyped) => void;
  /** Several DIDs were pasted into the field. */
  onPaste: (dids: readonly Did[]) => void;
}

/** Where to look and what for: a scope, completed from Rucio, and a name with wildcards. */
export function SearchBar(props: ISearchBarProps): JSX.Element {
  const { search, wildcards, trans, complete, onSearch, onPaste } = props;
  // State, since who is told of it draws this only later: what is typed must stand there at once.
  const [typed, setTyped] = React.useState(props.typed);
  const known = React.useRef(search);
  React.useEffect(() => {
    if (known.current !== search) {
      known.current = search;
      setTyped(search);
    }
  }, [search]);
  const type = (change: Partial<ITyped>) => {
    const changed = { ...typed, ...change };
    setTyped(changed);
    props.onType(changed);
  };

  const scopeField = React.useRef<HTMLInputElement>(null);
  const [lacking, setLacking] = React.useState(false);
  const onPasted = (event: React.ClipboardEvent) => {
    const { dids } = parseDids(event.clipboardData.getData('text'));
    if (dids.length > 1) {
      event.preventDefault();
      onPaste(dids);
    }
  };
  const send = () => {
    const asked = askedBy(typed);
    const lacks = !asked.scope && !parseDid(asked.name);
    setLacking(lacks);
    if (lacks) {
      scopeField.current?.focus();
    } else {
      onSearch(asked);
    }
  };
  return (
    <>
      <form
        className="jp-Rucio-search"
        role="search"
        aria-label={trans.__('Search Rucio')}
        onSubmit={event => {
          event.preventDefault();
          send();
        }}
      >
        <ScopeField
          field={scopeField}
          value={typed.scope}
          trans={trans}
          complete={complete}
          onChange={scope => {
            setLacking(false);
            type({ scope });
          }}
        />
        <span className="jp-Rucio-search-name">
          <input
            aria-label={trans.__('Name')}
            placeholder={
              wildcards ? trans.__('Name, with *') : trans.__('Whole name')
            }
            spellCheck={false}
            value={typed.name}
            onChange={event => type({ name: event.target.value })}
            onPaste={onPasted}
          />
          <IconButton
            type="submit"
            icon={searchIcon}
            label={trans.__('Search')}
          />
        </span>
      </form>
      {lacking && (
        <p className="jp-Rucio-tally jp-mod-warn" role="alert">
          {trans.__('Choose a scope first, or type a name as scope:name.')}
        </p>
      )}
    </>
  );
}

/** What is asked for by what was typed: a whole DID may stand where the scope goes. */
export function askedBy(typed: ITyped): ITyped {
  const [scope, name] = [typed.scope.trim(), typed.name.trim()];
  return parseDid(scope) && !name
    ? { scope: '', name: scope }
    : { scope, name };
}

interface IScopeFieldProps {
  field: React.RefObject<HTMLInputElement>;
  value: string;
  trans: TranslationBundle;
  complete: (typed: string) => Promise<IScopes>;
  onChange: (scope: string) => void;
}

const NONE: IScopes = { own: [], others: [] };
/** Milliseconds that typing must rest before Rucio is asked. */
const REST = 150;

/**
 * A combobox after the ARIA pattern: type freely, or take one of the scopes that fit.
 *
 * Those that the user may write to come first.
 */
function ScopeField(props: IScopeFieldProps): JSX.Element {
  const { field, value, trans, complete, onChange } = props;
  const list = React.useId();
  const [{ own, others }, setOffers] = React.useState<IScopes>(NONE);
  const [open, setOpen] = React.useState(false);
  const [at, setAt] = React.useState(-1);

  React.useEffect(() => {
    if (!open) {
      return;
    }
    let current = true;
    const timer = window.setTimeout(async () => {
      const scopes = await complete(value);
      if (current) {
        setOffers(scopes);
        setAt(-1);
      }
    }, REST);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [value, open, complete]);

  const offers = [...own, ...others];
  /** Another text; what was marked among the offers for the one before counts no more. */
  const change = (scope: string) => {
    onChange(scope);
    setAt(-1);
  };
  const take = (scope: string) => {
    change(scope);
    setOpen(false);
  };
  const move = (by: number) =>
    setAt((at + by + offers.length) % Math.max(1, offers.length));
  const shown = open && offers.length > 0;
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'ArrowDown' && !open) {
      setOpen(true);
    } else if (event.key === 'ArrowDown') {
      move(1);
    } else if (event.key === 'ArrowUp' && shown) {
      move(at < 0 ? 0 : -1);
    } else if (event.key === 'Enter' && shown && at >= 0) {
      take(offers[at]);
    } else if (event.key === 'Escape' && shown) {
      setOpen(false);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span className="jp-Rucio-scope">
      <input
        ref={field}
        role="combobox"
        aria-label={trans.__('Scope')}
        aria-expanded={shown}
        aria-controls={shown ? list : undefined}
        aria-autocomplete="list"
        aria-activedescendant={shown && at >= 0 ? `${list}-${at}` : undefined}
        placeholder={trans.__('Scope')}
        spellCheck={false}
        autoComplete="off"
        value={value}
        onChange={event => {
          change(event.target.value);
          setOpen(true);
        }}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      {shown && (
        <ul
          id={list}
          role="listbox"
          aria-label={trans.__('Scopes')}
          className="jp-Rucio-offers"
        >
          {offers.map((scope, index) => (
            <li
              key={scope}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === at}
              ref={node =>
                index === at && node?.scrollIntoView({ block: 'nearest' })
              }
              // Before the field loses the focus, which would close the list.
              onMouseDown={event => {
                event.preventDefault();
                take(scope);
              }}
            >
              <span>{scope}</span>
              {index < own.length && <small>{trans.__('yours')}</small>}
            </li>
          ))}
        </ul>
      )}
    </span>
  );
}
