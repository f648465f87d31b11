/** A name in two parts with the gap between them; `tail` is empty where nothing is left out. */
export interface IElision {
  head: string;
  tail: string;
}

const GAP = '…';
/** Characters shown around what tells a name from its neighbours. */
const CONTEXT = 4;
/** Nothing is shortened to less than this. */
const LEAST = 8;

/**
 * Shorten a name in its middle to `capacity` characters.
 *
 * Names of one production agree for long stretches at both ends. What tells this one from
 * its `neighbours` stays visible, a number as a whole: where it would fall into the gap, the
 * end begins with it, or there are two gaps, one before it and one after.
 */
export function elide(
  name: string,
  capacity: number,
  neighbours: readonly string[] = []
): IElision {
  if (name.length <= capacity) {
    return { head: name, tail: '' };
  }
  const room = Math.max(capacity, LEAST) - GAP.length;
  const tail = Math.floor(room * 0.4);
  const head = room - tail;
  const difference = firstDifference(name, neighbours);
  const begin = Math.floor(head * 0.3);
  const [number, after] = numberAt(name, difference);
  const told = Math.min(difference - CONTEXT, number);
  const inHead = difference < Math.max(head - CONTEXT, begin + 1);
  if (inHead || told >= name.length - tail) {
    return { head: name.slice(0, head), tail: name.slice(-tail) };
  }
  const length = head - begin - GAP.length;
  const from = Math.min(Math.max(begin + 1, told, after - length), difference);
  const rest = name.length - from;
  if (rest <= length + tail) {
    return { head: name.slice(0, room - rest), tail: name.slice(from) };
  }
  const middle = name.slice(from, from + length);
  return { head: name.slice(0, begin) + GAP + middle, tail: name.slice(-tail) };
}

/** Shorten a name in its middle until it is at most `width` wide, by the given measure. */
export function elideTo(
  name: string,
  width: number,
  measure: (text: string) => number,
  neighbours: readonly string[] = []
): IElision {
  const average = measure(name) / name.length;
  let capacity = Math.floor((1.1 * width) / average);
  let elision = elide(name, capacity, neighbours);
  while (capacity > LEAST && measure(elidedText(elision)) > width) {
    capacity -= 1;
    elision = elide(name, capacity, neighbours);
  }
  return elision;
}

/** An elision as one text. */
export function elidedText({ head, tail }: IElision): string {
  return tail ? head + GAP + tail : head;
}

/** Where a name first departs from the neighbour that it shares most with; 0 without one. */
function firstDifference(name: string, neighbours: readonly string[]): number {
  let longest = 0;
  for (const other of neighbours) {
    let length = 0;
    while (length < name.length && name[length] === other[length]) {
      length += 1;
    }
    if (length < name.length) {
      longest = Math.max(longest, length);
    }
  }
  return longest;
}

/** Where the number begins that this place is in, and where it has ended; else the place alone. */
function numberAt(name: string, place: number): [number, number] {
  const before = /\d*$/.exec(name.slice(0, place))?.[0] ?? '';
  const after = /^\d*/.exec(name.slice(place))?.[0] ?? '';
  return [place - before.length, place + Math.max(1, after.length)];
}
