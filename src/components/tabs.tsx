import * as React from 'react';

export interface ITabLabel {
  id: string;
  label: string;
  /** A number that asks for attention; 0 shows nothing. */
  badge?: number;
}

export interface ITabsProps {
  tabs: readonly ITabLabel[];
  current: string;
  /** Names the group for a screen reader, and ties tabs to what they show. */
  label: string;
  prefix: string;
  look: 'bar' | 'line';
  onSelect: (id: string) => void;
}

/** Tabs after the ARIA pattern: one stop for the tab key, arrows move within. */
export function Tabs(props: ITabsProps): JSX.Element {
  const { tabs, current, label, prefix, look, onSelect } = props;
  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) {
      return;
    }
    event.preventDefault();
    const index = tabs.findIndex(tab => tab.id === current);
    const next = tabs[(index + step + tabs.length) % tabs.length];
    onSelect(next.id);
    document.getElementById(`${prefix}-tab-${next.id}`)?.focus();
  };
  return (
    <div
      className={`jp-Rucio-tabs jp-mod-${look}`}
      role="tablist"
      aria-label={label}
      onKeyDown={onKeyDown}
    >
      {tabs.map(tab => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`${prefix}-tab-${tab.id}`}
          aria-selected={tab.id === current}
          aria-controls={tab.id === current ? `${prefix}-body` : undefined}
          tabIndex={tab.id === current ? 0 : -1}
          onClick={() => onSelect(tab.id)}
        >
          {tab.label}
          {tab.badge ? (
            <span className="jp-Rucio-badge">{tab.badge}</span>
          ) : null}
        </button>
      ))}
    </div>
  );
}

export interface ITabBodyProps {
  current: string;
  prefix: string;
  children: React.ReactNode;
}

/** What the current tab shows. */
export function TabBody(props: ITabBodyProps): JSX.Element {
  const { current, prefix, children } = props;
  return (
    <div
      role="tabpanel"
      id={`${prefix}-body`}
      className="jp-Rucio-tabBody"
      aria-labelledby={`${prefix}-tab-${current}`}
    >
      {children}
    </div>
  );
}
