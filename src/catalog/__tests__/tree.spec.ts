import { Listing } from '../listing';
import { Branch, look } from '../tree';
import { didOf, FakeCatalog, rowOf, settled } from './fakecatalog';

const content = (catalog: FakeCatalog, name: string) =>
  new Listing(catalog, 'atlas', { kind: 'content', did: didOf(name) });

/** Three datasets; the second is open and holds two files. */
async function grow() {
  const catalog = new FakeCatalog();
  catalog.rows = {
    top: [rowOf('a'), rowOf('b'), rowOf('c')],
    b: [rowOf('b1', 'file'), rowOf('b2', 'file')],
    c: []
  };
  const root = new Branch(content(catalog, 'top'));
  await settled();
  root.open(1, content(catalog, 'b'));
  await settled();
  return { catalog, root };
}

function names(root: Branch): string[] {
  return Array.from({ length: root.size }, (_, position) => {
    const line = root.line(position);
    return line?.kind === 'did' ? line.row.did.name : (line?.kind ?? 'none');
  });
}

it('shows what an open row holds right below it', async () => {
  const { root } = await grow();
  expect(names(root)).toEqual(['a', 'b', 'b1', 'b2', 'c']);
});

it('finds the place of a row below an open one', async () => {
  const { root } = await grow();
  expect(root.position(2)).toBe(4);
  const line = root.line(3);
  expect(line?.branch.depth).toBe(1);
  expect(line?.kind === 'did' && line.branch.position(line.index)).toBe(3);
});

it('says so where an open row holds nothing', async () => {
  const { root, catalog } = await grow();
  root.open(2, content(catalog, 'c'));
  await settled();
  expect(names(root)).toEqual(['a', 'b', 'b1', 'b2', 'c', 'end']);
});

it('closes what it held at the server', async () => {
  const { root, catalog } = await grow();
  root.close(1);
  expect(names(root)).toEqual(['a', 'b', 'c']);
  expect(catalog.closed).toEqual(['b']);
});

it('has nothing beyond its end', async () => {
  const { root } = await grow();
  expect(root.line(root.size)).toBeNull();
});

it('tells the DIDs in sight', async () => {
  const { root } = await grow();
  expect(look(root, 1, 4).map(did => did.name)).toEqual(['b', 'b1', 'b2']);
});
