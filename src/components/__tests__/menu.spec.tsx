import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { PromiseDelegate } from '@lumino/coreutils';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { MenuButton, type MenuEntry } from '../menu';

const trans = nullTranslator.load('');

/** A button whose menu is still to come; `asked` tells how often. */
function show() {
  const entries = new PromiseDelegate<readonly MenuEntry[]>();
  const asked = jest.fn(() => entries.promise);
  render(
    <MenuButton
      commands={new CommandRegistry()}
      label={trans.__('More')}
      entries={asked}
    >
      {trans.__('More')}
    </MenuButton>
  );
  const button = screen.getByRole('button', { name: 'More' });
  const come = () => act(async () => entries.resolve(['separator']));
  return { asked, button, come };
}

const menus = () => document.querySelectorAll('.lm-Menu');

it('a second click while its entries come opens no second menu', async () => {
  const { asked, button, come } = show();
  fireEvent.click(button);
  fireEvent.click(button);
  await come();
  expect(asked).toHaveBeenCalledTimes(1);
  expect(menus()).toHaveLength(1);
  fireEvent.keyDown(menus()[0], { keyCode: 27 });
});

it('a menu that comes late opens for nobody who writes elsewhere by now', async () => {
  const { button, come } = show();
  const cell = document.body.appendChild(document.createElement('textarea'));
  button.focus();
  fireEvent.click(button);
  cell.focus();
  await come();
  expect(menus()).toHaveLength(0);
  expect(document.activeElement).toBe(cell);
  expect(button.getAttribute('aria-expanded')).toBe('false');
  cell.remove();
});

it('a click on its button closes the menu', async () => {
  const { button, come } = show();
  const click = async () => {
    await act(async () => void fireEvent.pointerDown(button));
    await act(async () => void fireEvent.click(button));
  };
  await click();
  await come();
  const shown = () => button.getAttribute('aria-expanded');
  expect(shown()).toBe('true');
  await click();
  expect(shown()).toBe('false');
  await click();
  expect(shown()).toBe('true');
  fireEvent.keyDown(menus()[0], { keyCode: 27 });
});
