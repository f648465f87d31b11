import { showErrorMessage } from '@jupyterlab/apputils';
import { MenuSvg } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { Menu } from '@lumino/widgets';
import * as React from 'react';

import { obstacleOf } from '../client/failure';

/** An entry of a menu: a command with its arguments, or a line between groups. */
export type MenuEntry =
  { command: string; args?: ReadonlyJSONObject } | 'separator';

export interface IMenuButtonProps {
  commands: CommandRegistry;
  /** Made when the menu opens, so that it shows what holds then. */
  entries: () => readonly MenuEntry[] | Promise<readonly MenuEntry[]>;
  label: string;
  className?: string;
  disabled?: boolean;
  children: React.ReactNode;
}

/** A button that opens one of JupyterLab's menus below itself, and has the focus back after. */
export function MenuButton(props: IMenuButtonProps): JSX.Element {
  const { commands, entries, label, className, disabled, children } = props;
  const button = React.useRef<HTMLButtonElement>(null);
  const [open, setOpen] = React.useState(false);
  /** Whether the click to come is the end of the press that has closed the menu. */
  const spent = React.useRef(false);
  const onClick = async () => {
    if (open || spent.current) {
      spent.current = false;
      return; // its entries are on their way, or it was to be closed
    }
    setOpen(true);
    const { activeElement } = document;
    try {
      const shown = await entries();
      if (!button.current || document.activeElement !== activeElement) {
        setOpen(false); // the user is elsewhere by now
        return;
      }
      openMenu(commands, shown, button.current, pressed => {
        setOpen(false);
        spent.current = pressed;
        button.current?.focus();
      });
    } catch (reason) {
      setOpen(false);
      void showErrorMessage(label, obstacleOf(reason).detail);
    }
  };
  return (
    <button
      type="button"
      ref={button}
      className={`jp-Rucio-menuButton ${className ?? ''}`}
      aria-haspopup="menu"
      aria-expanded={open}
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={() => void onClick()}
    >
      {children}
    </button>
  );
}

/** `onClosed` is told whether the anchor was pressed, which closes the menu as a press anywhere else does. */
function openMenu(
  commands: CommandRegistry,
  entries: readonly MenuEntry[],
  anchor: HTMLElement,
  onClosed: (pressed: boolean) => void
): void {
  const menu = new MenuSvg({ commands });
  for (const entry of entries) {
    const item: Menu.IItemOptions =
      entry === 'separator' ? { type: 'separator' } : entry;
    menu.addItem(item);
  }
  let pressed = false;
  const onPress = ({ target }: MouseEvent) => {
    pressed = anchor.contains(target as Node);
  };
  window.addEventListener('pointerdown', onPress, true); // before the menu hears of it
  menu.aboutToClose.connect(() => {
    window.removeEventListener('pointerdown', onPress, true);
    onClosed(pressed);
    // The command runs after the menu has closed, so it is let go a turn later.
    requestAnimationFrame(() => menu.dispose());
  });
  const box = anchor.getBoundingClientRect();
  menu.open(box.left, box.bottom);
  menu.activateNextItem();
}
