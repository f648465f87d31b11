import { barOf, highest, isIn, rowsIn, topOf, topToShow } from '../scrolling';

it.each([
  [0, 100, 0, 13],
  [1000, 100, 42, 63],
  [1990, 100, 91, 100]
])(
  'at %i pixels in %i of height, the rows from %i up to before %i are drawn',
  (top, height, first, end) => {
    expect(rowsIn({ top, height }, 20, 100)).toEqual([first, end]);
  }
);

it.each([
  ['above', 300, 320, 300],
  ['half above', 390, 410, 390],
  ['in sight', 420, 440, 400],
  ['half below', 490, 510, 410],
  ['far below', 2000, 2020, 1920],
  ['higher than the list', 450, 650, 450]
])('a row %s is shown by the shortest way', (_, begin, end, top) => {
  expect(topToShow({ top: 400, height: 100 }, begin, end)).toBe(top);
});

it.each([
  [399, false],
  [400, true],
  [499, true],
  [500, false]
])('whether a row at %i is in sight: %s', (begin, is) => {
  expect(isIn({ top: 400, height: 100 }, begin)).toBe(is);
});

const MOST = highest();
const [HEIGHT, LONG] = [500, 10 * MOST];

it.each([
  ['a list that fits', 40_000, 1234, 1234],
  ['the highest that needs no scale', MOST, 14_999_500, 14_999_500],
  ['the begin of a longer one', LONG, 0, 0],
  ['the end of a longer one', LONG, LONG - HEIGHT, MOST - HEIGHT],
  ['the middle of a longer one', LONG, (LONG - HEIGHT) / 2, (MOST - HEIGHT) / 2]
])('%s has its place on the bar', (_, total, top, bar) => {
  expect(barOf({ top, height: HEIGHT }, total)).toBeCloseTo(bar);
  expect(topOf(bar, HEIGHT, total)).toBeCloseTo(top);
});
