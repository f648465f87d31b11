import { Listing } from '../listing';
import { Branch } from '../tree';
import { actOf, type KeyAct, type KeyPress } from '../treekeys';
import { didOf, FakeCatalog, rowOf, settled } from './fakecatalog';

/** The rows a to d; of them b is open, with b1 in it, and d, which is empty. */
async function grow(): Promise<Branch> {
  const catalog = new FakeCatalog();
  catalog.rows = {
    top: ['a', 'b', 'c', 'd'].map(name => rowOf(name)),
    b: [rowOf('b1', 'file')],
    d: []
  };
  const content = (name: string) =>
    new Listing(catalog, 'atlas', { kind: 'content', did: didOf(name) });
  const root = new Branch(content('top'));
  await settled();
  root.open(1, content('b'));
  root.open(3, content('d'));
  await settled();
  return root;
}

const placeOf = (root: Branch, name: string) => {
  for (let position = 0; position < root.size; position += 1) {
    const line = root.line(position);
    if (line?.kind === 'did' && line.row.did.name === name) {
      return { branch: line.branch, index: line.index };
    }
  }
  throw new Error(name);
};

function tell(act: KeyAct | null): string {
  if (act?.do === 'choose' || act?.do === 'toggle') {
    const { branch, index } = act.place;
    const name = branch.listing.row(index)?.did.name;
    const how = act.do === 'choose' ? act.choice : act.open ? 'open' : 'close';
    return `${how} ${name}`;
  }
  return act?.do ?? 'not ours';
}

it.each<[string | null, string, string]>([
  [null, 'ArrowDown', 'only a'],
  [null, 'End', 'only d'],
  [null, 'ArrowRight', 'nothing'],
  [null, 'Enter', 'nothing'],
  ['a', 'ArrowUp', 'only a'],
  ['a', 'ArrowDown', 'only b'],
  ['b', 'ArrowDown', 'only b1'],
  ['a', 'PageDown', 'only b1'],
  ['c', 'PageUp', 'only b'],
  ['c', 'Home', 'only a'],
  ['a', 'ArrowRight', 'open a'],
  ['b', 'ArrowRight', 'only b1'],
  ['d', 'ArrowRight', 'nothing'],
  ['b', 'ArrowLeft', 'close b'],
  ['b1', 'ArrowLeft', 'only b'],
  ['a', 'ArrowLeft', 'nothing'],
  ['a', 'Shift+ArrowDown', 'range b'],
  ['a', 'Ctrl+ArrowDown', 'move b'],
  ['a', 'Meta+End', 'move d'],
  ['a', ' ', 'toggle a'],
  ['a', 'Ctrl+ ', 'toggle a'],
  ['c', 'Ctrl+a', 'all c'],
  ['b1', 'Meta+a', 'all b1'],
  [null, 'Ctrl+a', 'all a'],
  ['a', 'a', 'not ours'],
  ['a', 'Enter', 'enter'],
  ['a', 'Escape', 'clear'],
  ['a', 'Ctrl+Enter', 'not ours'],
  ['a', 'Alt+ArrowDown', 'not ours'],
  ['a', 'x', 'not ours']
])('on %s the key %s means: %s', async (name, keys, meaning) => {
  const root = await grow();
  const [key, modifier] = keys.split('+').reverse();
  const press: KeyPress = {
    key,
    altKey: modifier === 'Alt',
    ctrlKey: modifier === 'Ctrl',
    metaKey: modifier === 'Meta',
    shiftKey: modifier === 'Shift'
  };
  const active = name === null ? null : placeOf(root, name);
  expect(tell(actOf(press, { root, active, page: 2 }))).toBe(meaning);
});
