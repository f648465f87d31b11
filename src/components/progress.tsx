import * as React from 'react';

export interface IProgressProps {
  /** From 0 to 1; null while the total is not known. */
  value: number | null;
  label: string;
  tone?: 'run' | 'good' | 'warn' | 'still';
}

/** A thin bar; its numbers stand beside it as text. */
export function Progress(props: IProgressProps): JSX.Element {
  const { value, label, tone = 'run' } = props;
  return (
    <div
      className={`jp-Rucio-progress jp-mod-${tone}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === null ? undefined : Math.round(value * 100)}
    >
      <div
        className={value === null ? 'jp-mod-indeterminate' : undefined}
        style={{ width: value === null ? undefined : `${value * 100}%` }}
      />
    </div>
  );
}
