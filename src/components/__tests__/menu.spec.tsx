import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { PromiseDelegate } from '@lumino/coreutils';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { MenuButton, type MenuEntry } from '../menu';

const trans = nullTranslator.load('');

it('a second click while its entries come opens no second menu', async () => {
  const entries = new PromiseDelegate<readonly MenuEntry[]>();
  let asked = 0;
  render(
    <MenuButton
      commands={new CommandRegistry()}
      label={trans.__('More')}
      entries={() => {
        asked += 1;
        return entries.promise;
      }}
    >
      {trans.__('More')}
    </MenuButton>
  );
  const button = screen.getByRole('button', { name: 'More' });
  fireEvent.click(button);
  fireEvent.click(button);
  await act(async () => entries.resolve(['separator']));
  expect(asked).toBe(1);
  expect(document.querySelectorAll('.lm-Menu')).toHaveLength(1);
  fireEvent.keyDown(document.querySelector('.lm-Menu')!, { keyCode: 27 });
});
