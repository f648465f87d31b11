import { Templates } from '../model';
import { cellSource, fitting, type IStaged, TEMPLATES } from '../templates';

const staged = (change: Partial<IStaged> = {}): IStaged => ({
  did: 'user.alice:run1',
  path: '/data/alice/rucio/user.alice/run1',
  folder: true,
  names: ['a.root', 'b.root'],
  complete: true,
  ...change
});

it.each([
  ['a.root', 'ROOT with uproot'],
  ['A.ROOT', 'ROOT with uproot'],
  ['a.pool.root.1', 'ROOT with uproot'],
  ['a.csv.gz', 'CSV with pandas'],
  ['a.nc', 'NetCDF with xarray'],
  ['a.h5', 'HDF5 with h5py'],
  ['a.fits', 'FITS with astropy'],
  ['a.parquet', 'Parquet with pandas'],
  ['a.unknown', 'Paths']
])('%s is read by %s', (name, template) => {
  expect(fitting(TEMPLATES, [name])[0].name).toBe(template);
});

it('what most files are goes first', () => {
  const fit = fitting(TEMPLATES, ['a.root', 'b.root', 'log.csv']);
  expect(fit.map(({ name }) => name)).toEqual([
    'ROOT with uproot',
    'CSV with pandas',
    'Paths'
  ]);
});

it('a few files are listed', () => {
  const source = cellSource(staged(), TEMPLATES[0]);
  expect(source).toContain('"/data/alice/rucio/user.alice/run1/a.root",');
  expect(source).not.toContain('Path(');
});

it('many files are found when the cell runs', () => {
  const source = cellSource(staged({ complete: false }), TEMPLATES[0]);
  expect(source).toContain('from pathlib import Path');
  expect(source).toContain('.rglob("*.root*")');
});

it('what is not staged is staged by the cell', () => {
  const source = cellSource(staged({ path: null }), TEMPLATES[0]);
  expect(source).toContain('%rucio stage user.alice:run1');
});

it('a hostile name stays a text', () => {
  const name = 'a"; import os  # \\ \n{did}.root';
  const source = cellSource(staged({ names: [name] }), TEMPLATES[0]);
  expect(source).toContain(JSON.stringify(`${staged().path}/${name}`));
  const line = cellSource(
    staged({ path: null, did: "x:y'; rm -rf ~" }),
    TEMPLATES[0]
  );
  expect(line).toContain(`'x:y'"'"'; rm -rf ~'`);
});

it('an added template goes first, until it is withdrawn', () => {
  const templates = new Templates();
  const added = templates.add({
    name: 'Ours',
    suffixes: ['.root'],
    source: '{name} = {paths}; print({path}, {did})'
  });
  expect(templates.offers([staged()])[0]).toBe('Ours');
  expect(templates.source([staged()], 'Ours')).toMatch(/^run1 = /m);
  added.dispose();
  expect(templates.offers([staged()])[0]).toBe('ROOT with uproot');
});
