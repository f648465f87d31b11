import type { Choice } from './selection';
import type { Branch, IPlace, TreeLine } from './tree';

/** What a key does in a tree. */
export type KeyAct =
  | { do: 'choose'; place: IPlace; choice: Choice }
  | { do: 'toggle'; place: IPlace; open: boolean }
  | { do: 'enter' | 'clear' | 'nothing' };

export type KeyPress = Pick<
  KeyboardEvent,
  'key' | 'altKey' | 'ctrlKey' | 'metaKey' | 'shiftKey'
>;

/** A tree as the keys find it. */
export interface IKeyedTree {
  root: Branch;
  /** The line that the keyboard is on. */
  active: IPlace | null;
  /** Lines by which a page moves. */
  page: number;
}

/** Keys that mean something while Ctrl is held: those that move without choosing, and two that choose. */
const WITH_CTRL = new Set([
  'ArrowDown',
  'ArrowUp',
  'PageDown',
  'PageUp',
  'Home',
  'End',
  ' ',
  'a'
]);

const NOTHING: KeyAct = { do: 'nothing' };

/** What a key does; null where it is none of the tree's. */
export function actOf(press: KeyPress, tree: IKeyedTree): KeyAct | null {
  const { root, active, page } = tree;
  const moves = press.ctrlKey || press.metaKey;
  if (press.altKey || (moves && !WITH_CTRL.has(press.key))) {
    return null;
  }
  const choice = moves ? 'move' : press.shiftKey ? 'range' : 'only';
  switch (press.key) {
    case 'ArrowDown':
      return step(tree, active ? 1 : 0, choice);
    case 'ArrowUp':
      return step(tree, -1, choice);
    case 'PageDown':
      return step(tree, page, choice);
    case 'PageUp':
      return step(tree, -page, choice);
    case 'Home':
      return step(tree, -root.size, choice);
    case 'End':
      return step(tree, root.size, choice);
    case 'ArrowRight':
      return active ? inward(active, root) : NOTHING;
    case 'ArrowLeft':
      return active ? outward(active) : NOTHING;
    case ' ':
      return active
        ? { do: 'choose', place: active, choice: 'toggle' }
        : NOTHING;
    case 'a':
      return moves ? choose(lineAt(tree), 'all') : null;
    case 'Enter':
      return active ? { do: 'enter' } : NOTHING;
    case 'Escape':
      return { do: 'clear' };
    default:
      return null;
  }
}

/** The line that the keyboard is on, or else the first. */
function lineAt({ root, active }: IKeyedTree): TreeLine | null {
  return root.line(active ? active.branch.position(active.index) : 0);
}

/** Move the active line, and choose it unless it only moves. */
function step(
  { root, active }: IKeyedTree,
  by: number,
  choice: Choice
): KeyAct {
  const from = active ? active.branch.position(active.index) : 0;
  const to = Math.max(0, Math.min(root.size - 1, from + by));
  const direction = by < 0 ? -1 : 1;
  const line = passEnds(root, to, direction) ?? passEnds(root, to, -direction);
  return choose(line, choice);
}

/** The first line from there on that is no end. */
function passEnds(root: Branch, from: number, by: number): TreeLine | null {
  let position = from;
  let line = root.line(position);
  while (line?.kind === 'end') {
    position += by;
    line = root.line(position);
  }
  return line;
}

/** Open a closed row; from an open one go to the first of what it holds, once that has come. */
function inward(place: IPlace, root: Branch): KeyAct {
  const { branch, index } = place;
  if (!branch.isOpen(index)) {
    return { do: 'toggle', place, open: true };
  }
  const line = root.line(branch.position(index) + 1);
  return line?.branch === branch ? NOTHING : choose(line, 'only');
}

/** Close an open row; from a closed one go to the row that holds it. */
function outward(place: IPlace): KeyAct {
  const { branch, index } = place;
  if (branch.isOpen(index)) {
    return { do: 'toggle', place, open: false };
  }
  return branch.parent
    ? { do: 'choose', place: branch.parent, choice: 'only' }
    : NOTHING;
}

function choose(line: TreeLine | null, choice: Choice): KeyAct {
  return line && line.kind !== 'end'
    ? {
        do: 'choose',
        place: { branch: line.branch, index: line.index },
        choice
      }
    : NOTHING;
}
