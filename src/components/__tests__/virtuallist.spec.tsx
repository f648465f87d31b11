import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { highest } from '../scrolling';
import { type IVirtualListProps, VirtualList } from '../virtuallist';

const ROW = 20;
let height = 100;
let resized = (): void => {};

beforeAll(() => {
  window.ResizeObserver = class {
    constructor(callback: ResizeObserverCallback) {
      resized = () => callback([], this);
    }
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
});
beforeEach(() => {
  height = 100;
  jest
    .spyOn(HTMLElement.prototype, 'clientHeight', 'get')
    .mockImplementation(() => height);
});
afterEach(() => jest.restoreAllMocks());

function show(props: Partial<IVirtualListProps>) {
  const list = (changed: Partial<IVirtualListProps>) => (
    <VirtualList
      role="list"
      count={1000}
      rowHeight={ROW}
      renderRow={index => <p>{index}</p>}
      {...props}
      {...changed}
    />
  );
  const { rerender } = render(list({}));
  const node = screen.getByRole('list');
  return {
    node,
    change: (changed: Partial<IVirtualListProps>) => rerender(list(changed)),
    scroll: (scrollTop: number) =>
      fireEvent.scroll(node, { target: { scrollTop } }),
    resize: (to: number) => {
      height = to;
      act(resized);
    }
  };
}

const row = { name: 'a row' };

it('shows a row that is another than before', () => {
  const { node, change } = show({ reveal: { index: 2, of: row } });
  change({ reveal: { index: 500, of: { name: 'another' } } });
  expect(node.scrollTop).toBe(501 * ROW - 100);
});

it('stays where it is when its row moves, out of sight', () => {
  const { node, change, scroll } = show({ reveal: { index: 2, of: row } });
  scroll(5000);
  change({ count: 1010, reveal: { index: 12, of: row } });
  expect(node.scrollTop).toBe(5000);
});

it('begins where it was left, not at its row', () => {
  const reveal = { index: 2, of: row };
  const { node } = show({ start: 5000, reveal });
  expect(node.scrollTop).toBe(5000);
});

it.each([40, 5000])('comes back at %i as it was before it was hidden', top => {
  const { node, scroll, resize } = show({ reveal: { index: 4, of: row } });
  scroll(top);
  resize(0);
  resize(100);
  expect(node.scrollTop).toBe(top);
});

it('keeps its row in sight when it becomes lower', () => {
  const { node, resize } = show({ reveal: { index: 4, of: row } });
  resize(60);
  expect(node.scrollTop).toBe(5 * ROW - 60);
});

describe('a list higher than browsers bear', () => {
  const count = 10_000_000;

  it('is scrolled to its very end, and each of its rows can be shown', () => {
    const { node, change, scroll } = show({ count });
    scroll(highest() - height);
    screen.getByText(`${count - 1}`);
    change({ count, reveal: { index: 4_000_000, of: row } });
    const slot = screen.getByText('4000000').parentElement!;
    expect(parseFloat(slot.style.top) - node.scrollTop).toBeCloseTo(0);
  });

  it('is moved by the wheel as far as any other, and at its ends not at all', () => {
    const { node, scroll } = show({ count });
    const turn = (deltaY: number) => fireEvent.wheel(node, { deltaY });
    scroll(highest() / 2);
    const first = () => Number(screen.getAllByText(/./)[0].textContent);
    const before = first();
    expect(turn(5 * ROW)).toBe(false); // the browser is kept from moving it
    expect(first()).toBe(before + 5);
    scroll(0);
    expect(turn(-ROW)).toBe(true);
  });

  it('keeps the rows in sight while more arrive', () => {
    const { change, scroll } = show({ count });
    scroll(highest() / 2);
    const shown = screen.getAllByText(/./).map(each => each.textContent);
    change({ count: 2 * count });
    expect(screen.getAllByText(/./).map(each => each.textContent)).toEqual(
      shown
    );
  });
});
