import { nullTranslator } from '@jupyterlab/translation';

import { count, duration, share, size, sizeOf } from '../quantity';

const trans = nullTranslator.load('');

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [20_100_000, '20.1 MB'],
  [999_960_000, '1 GB'],
  [86_000_000, '86 MB'],
  [212_000_000_000, '212 GB']
])('%i bytes are %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

it('two sizes share one unit', () => {
  expect(sizeOf(12_500_000, 20_100_000, trans)).toBe('12.5 of 20.1 MB');
});

it('more than all is never told', () => {
  expect(sizeOf(30, 20, trans)).toBe('20 of 20 B');
  expect(share(30, 20)).toBe(1);
});

it.each([
  [1.2, '1 s'],
  [75, '1 min'],
  [6000, '1 h 40'],
  [7200, '2 h'],
  [200_000, '2 days']
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds, trans)).toBe(text);
});

it('groups of a number are told apart', () => {
  expect(count(1204)).toBe('1,204');
});
