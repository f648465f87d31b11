import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { type Obstacle, obstacleOf } from '../client/failure';
import { Button } from './button';

export interface IFieldProps extends React.InputHTMLAttributes<HTMLInputElement> {
  label: string;
  hint?: string;
}

/** A text field below its label. */
export const Field = React.forwardRef<HTMLInputElement, IFieldProps>(
  function Field(props, ref) {
    const { label, hint, ...rest } = props;
    const id = React.useId();
    return (
      <div className="jp-Rucio-field">
        <label htmlFor={id}>{label}</label>
        <input
          ref={ref}
          className="jp-mod-styled"
          spellCheck={false}
          autoCapitalize="off"
          {...rest}
          id={id}
          aria-describedby={hint ? `${id}-hint` : undefined}
        />
        {hint && <small id={`${id}-hint`}>{hint}</small>}
      </div>
    );
  }
);

export interface ISelectProps extends React.SelectHTMLAttributes<HTMLSelectElement> {
  label: string;
  /** Values with what is shown for them. */
  options: readonly (readonly [string, string])[];
}

/** A choice below its label. */
export const Select = React.forwardRef<HTMLSelectElement, ISelectProps>(
  function Select(props, ref) {
    const { label, options, ...rest } = props;
    const id = React.useId();
    return (
      <div className="jp-Rucio-field">
        <label htmlFor={id}>{label}</label>
        <select ref={ref} className="jp-mod-styled" {...rest} id={id}>
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
    );
  }
);

export interface IFormProps {
  title: string;
  submit: string;
  trans: TranslationBundle;
  /** Rejects with what is shown in the form, whose fields stay as they are. */
  onSubmit: () => Promise<void>;
  /** Called with what was refused, so that the form can lead to what must be changed. */
  onRefused?: (obstacle: Obstacle) => void;
  /** Absent where there is nothing to go back to. */
  onCancel?: () => void;
  children: React.ReactNode;
}

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** The first field that must be filled in and is not, else the first of all. */
function firstToFill(form: HTMLFormElement | null): Control | undefined {
  const controls = [
    ...(form?.querySelectorAll<Control>('input, select, textarea') ?? [])
  ];
  return controls.find(each => each.required && !each.value) ?? controls[0];
}

/** A form that waits for its answer, and shows why it was refused. */
export function Form(props: IFormProps): JSX.Element {
  const { title, submit, trans, onSubmit, onRefused, onCancel, children } =
    props;
  const [busy, setBusy] = React.useState(false);
  const [refused, setRefused] = React.useState<Obstacle | null>(null);
  const heading = React.useId();
  const form = React.useRef<HTMLFormElement>(null);
  React.useEffect(() => {
    // Who opened it wants to fill it in; one that stands in place of the panel waits.
    if (onCancel && !form.current?.contains(document.activeElement)) {
      firstToFill(form.current)?.focus();
    }
    // Once, when it is opened: later the focus is the user's.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  const send = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setRefused(null);
    try {
      await onSubmit();
    } catch (reason) {
      const obstacle = obstacleOf(reason);
      setRefused(obstacle);
      onRefused?.(obstacle);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      ref={form}
      className="jp-Rucio-form"
      aria-labelledby={heading}
      onSubmit={event => void send(event)}
      onKeyDown={event => event.key === 'Escape' && onCancel?.()}
    >
      <h3 id={heading}>{title}</h3>
      {children}
      {refused && (
        <div
          className={`jp-Rucio-refused ${refused.do === 'choose' ? 'jp-mod-info' : ''}`}
          role="alert"
        >
          {refused.detail}
          {refused.exception && (
            <code className="jp-Rucio-detail">{refused.exception}</code>
          )}
        </div>
      )}
      <div className="jp-Rucio-actions">
        <Button type="submit" look="primary" busy={busy}>
          {busy ? trans.__('One moment…') : submit}
        </Button>
        {onCancel && <Button onClick={onCancel}>{trans.__('Cancel')}</Button>}
      </div>
    </form>
  );
}
