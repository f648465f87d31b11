import { Clipboard } from '@jupyterlab/apputils';
import { checkIcon, copyIcon, type LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Breakable } from './texts';

type Native = Omit<React.ButtonHTMLAttributes<HTMLButtonElement>, 'title'>;

/** What a click does, and no further click of a double one: by then something else may stand in this place. */
function once(onClick: Native['onClick']): Native['onClick'] {
  return event =>
    event.detail > 1 ? event.preventDefault() : onClick?.(event);
}

export interface IIconButtonProps extends Native {
  icon: LabIcon;
  /** What it does: its name for a screen reader, and its tooltip. */
  label: string;
}

/** A button that shows an icon alone; at least 24 by 24 pixels. */
export function IconButton(props: IIconButtonProps): JSX.Element {
  const { icon, label, className, onClick, ...rest } = props;
  return (
    <button
      type="button"
      {...rest}
      onClick={once(onClick)}
      className={`jp-Rucio-iconButton ${className ?? ''}`}
      aria-label={label}
      title={label}
    >
      <icon.react tag="span" aria-hidden="true" />
    </button>
  );
}

export interface IButtonProps extends Native {
  /** `primary` is the one thing to do here; `link` stands within text. */
  look?: 'primary' | 'plain' | 'link';
  title?: string;
  /** Waits for an answer: it does nothing meanwhile, but keeps the focus, unlike one that is disabled. */
  busy?: boolean;
}

export const Button = React.forwardRef<HTMLButtonElement, IButtonProps>(
  function Button(props, ref) {
    const { look = 'plain', busy, className, onClick, ...rest } = props;
    return (
      <button
        type="button"
        {...rest}
        ref={ref}
        aria-disabled={busy || undefined}
        onClick={busy ? event => event.preventDefault() : once(onClick)}
        className={`jp-Rucio-button jp-mod-${look} ${className ?? ''}`}
      />
    );
  }
);

export interface IChipProps {
  /** Whether it is on; a tick says so too, for colours alone are not seen by all. */
  pressed: boolean;
  onClick: () => void;
  children: React.ReactNode;
}

/** A small switch among others. */
export function Chip({ pressed, onClick, children }: IChipProps): JSX.Element {
  return (
    <button
      type="button"
      className="jp-Rucio-chip"
      aria-pressed={pressed}
      onClick={onClick}
    >
      {pressed && <checkIcon.react tag="span" aria-hidden="true" />}
      {children}
    </button>
  );
}

export interface ICopiedProps {
  text: string;
  /** What the button beside it does. */
  label: string;
}

/** A path, an address or a command, whole, to be taken along. */
export function Copied({ text, label }: ICopiedProps): JSX.Element {
  return (
    <p className="jp-Rucio-copied">
      <code>
        <Breakable text={text} />
      </code>
      <IconButton
        icon={copyIcon}
        label={label}
        onClick={() => Clipboard.copyToSystem(text)}
      />
    </p>
  );
}
