import { nullTranslator } from '@jupyterlab/translation';

import {
  clock,
  count,
  duration,
  seconds,
  share,
  size,
  sizeOf,
  writeAs
} from '../quantity';

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

it('tenths of a second are told', () => {
  expect(seconds(0.2, trans)).toBe('0.2 s');
  expect(seconds(12.04, trans)).toBe('12.0 s');
  expect(seconds(0, trans)).toBe('0.1 s');
});

describe('in another language', () => {
  afterEach(() => writeAs('en'));

  it.each([
    ['de', '12.345', '20,1 MB', '1,5 s'],
    ['de-DE', '12.345', '20,1 MB', '1,5 s'],
    ['fr-FR', '12\u202f345', '20,1 MB', '1,5 s']
  ])('%s', (language, whole, bytes, time) => {
    writeAs(language);
    expect(count(12_345)).toBe(whole);
    expect(size(20_100_000)).toBe(bytes);
    expect(seconds(1.5, trans)).toBe(time);
  });

  it('months have their names of it', () => {
    writeAs('de');
    expect(clock(Date.UTC(2020, 9, 12, 12) / 1000)).toMatch(/^12\. Okt/);
  });

  it('that is none, numbers are English', () => {
    writeAs('no such language');
    expect(count(12_345)).toBe('12,345');
  });
});
