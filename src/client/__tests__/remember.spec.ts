import { StateDB } from '@jupyterlab/statedb';
import { Signal } from '@lumino/signaling';

import { remember } from '../remember';

async function setUp(kept: object | null) {
  const state = new StateDB();
  if (kept) {
    await state.save('key', kept as never);
  }
  const saved = jest.spyOn(state, 'save');
  const changed = new Signal<unknown, void>({});
  const restored: unknown[] = [];
  let value: object | null = null;
  await remember<object>(state, {
    key: 'key',
    changed,
    restore: one => restored.push(one),
    current: () => value
  });
  const become = (next: object | null) => {
    value = next;
    changed.emit();
  };
  saved.mockClear();
  return { become, restored, saved };
}

it('brings back what was kept', async () => {
  expect((await setUp({ scope: 'a' })).restored).toEqual([{ scope: 'a' }]);
  expect((await setUp(null)).restored).toEqual([null]);
});

it('keeps what has changed, and that alone', async () => {
  const { become, saved } = await setUp({ scope: 'a' });
  become({ scope: 'a' });
  become(null);
  expect(saved).not.toHaveBeenCalled();
  become({ scope: 'b' });
  become({ scope: 'b' });
  expect(saved.mock.calls).toEqual([['key', { scope: 'b' }]]);
});

it('notices a change within what it was given before', async () => {
  const { become, saved } = await setUp(null);
  const value = { scope: 'a' };
  become(value);
  value.scope = 'b';
  become(value);
  expect(saved).toHaveBeenCalledTimes(2);
});
