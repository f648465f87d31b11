import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { type ISearchBarProps, SearchBar } from '../searchbar';

beforeAll(() => {
  Element.prototype.scrollIntoView ??= () => undefined; // jsdom has none
});
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const rest = () => act(() => jest.advanceTimersByTimeAsync(200));

function show(props: Partial<ISearchBarProps> = {}) {
  const onSearch = jest.fn();
  const asked = { scope: '', name: '' };
  render(
    <SearchBar
      search={asked}
      typed={asked}
      wildcards={true}
      trans={nullTranslator.load('')}
      complete={async () => ({ own: ['user.alice'], others: ['mc23'] })}
      onType={() => undefined}
      onSearch={onSearch}
      onPaste={() => undefined}
      {...props}
    />
  );
  const field = screen.getByRole<HTMLInputElement>('combobox');
  const type = (value: string) =>
    fireEvent.change(field, { target: { value } });
  const press = (key: string) => fireEvent.keyDown(field, { key });
  return { field, type, press, onSearch };
}

it('takes the scope that the keys are on', async () => {
  const { field, type, press } = show();
  type('u');
  await rest();
  press('ArrowDown');
  press('Enter');
  expect(field.value).toBe('user.alice');
});

it('takes what was typed, not what was marked for the text before', async () => {
  const { field, type, press } = show();
  type('u');
  await rest();
  press('ArrowDown');
  type('data');
  press('Enter');
  expect(field.value).toBe('data');
});

it('marks nothing when the scopes are shown again', async () => {
  const { field, type, press } = show();
  type('u');
  await rest();
  press('ArrowDown');
  press('Enter');
  press('ArrowDown');
  expect(field.getAttribute('aria-expanded')).toBe('true');
  expect(field.getAttribute('aria-activedescendant')).toBeNull();
});
