import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { Splitter } from '../splitter';

const LABEL = 'Height';

function show(collapsed: boolean) {
  const onResize = jest.fn();
  const onCollapse = jest.fn();
  render(
    <Splitter
      label={LABEL}
      hint=""
      top="above"
      bottom="below"
      share={0.5}
      collapsed={collapsed}
      onResize={onResize}
      onCollapse={onCollapse}
    />
  );
  const handle = screen.getByRole('separator');
  const press = (key: string) => fireEvent.keyDown(handle, { key });
  return { handle, press, onResize, onCollapse };
}

it('the lower part is folded away by its divider, which stays', () => {
  const { press, onCollapse } = show(false);
  screen.getByText('below');
  press('Enter');
  expect(onCollapse).toHaveBeenCalledWith(true);
});

it('what is folded away comes back by the keys, or twice a click', () => {
  const { handle, press, onResize, onCollapse } = show(true);
  expect(screen.queryByText('below')).toBeNull();
  expect(handle.getAttribute('aria-valuenow')).toBe('0');
  press('ArrowDown');
  expect(onCollapse).not.toHaveBeenCalled();
  press('ArrowUp');
  expect(onCollapse).toHaveBeenLastCalledWith(false);
  expect(onResize).toHaveBeenLastCalledWith(0.5);
  fireEvent.doubleClick(handle);
  expect(onCollapse).toHaveBeenLastCalledWith(false);
});

it('keys move the divider, to its ends as well', () => {
  const { press, onResize } = show(false);
  press('ArrowUp');
  expect(onResize.mock.lastCall[0]).toBeCloseTo(0.55);
  press('Home');
  expect(onResize).toHaveBeenLastCalledWith(0.8);
  press('End');
  expect(onResize).toHaveBeenLastCalledWith(0.15);
});
