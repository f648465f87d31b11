import { nullTranslator } from '@jupyterlab/translation';

import { Templates } from '../model';
import {
  builtInTemplates,
  cellSource,
  fitting,
  type IStaged,
  stagingSource
} from '../templates';

const trans = nullTranslator.load('');
const TEMPLATES = builtInTemplates(trans);

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
  const source = cellSource([staged()], TEMPLATES[0]);
  expect(source).toContain('"/data/alice/rucio/user.alice/run1/a.root",');
  expect(source).not.toContain('Path(');
});

it('many files are found when the cell runs', () => {
  const source = cellSource([staged({ complete: false })], TEMPLATES[0]);
  expect(source).toContain('from pathlib import Path');
  expect(source).toContain('.rglob("*.root*") if path.is_file())');
});

it('files of any name are found, and no folders', () => {
  const paths = TEMPLATES.find(({ name }) => name === 'Paths')!;
  const source = cellSource([staged({ complete: false })], paths);
  expect(source).toContain('.rglob("*") if path.is_file())');
});

it('of several suffixes that is looked for which the files have', () => {
  const names = ['a.pq', 'b.pq'];
  const parquet = TEMPLATES.find(({ suffixes }) => suffixes.includes('.pq'))!;
  const source = cellSource([staged({ names, complete: false })], parquet);
  expect(source).toContain('.rglob("*.pq*")');
});

it('a suffix is looked for as the files write it', () => {
  const fits = TEMPLATES.find(({ suffixes }) => suffixes.includes('.fits'))!;
  const names = ['IMAGE.FITS.1'];
  const source = cellSource([staged({ names, complete: false })], fits);
  expect(source).toContain('.rglob("*.FITS*")');
});

it('what is not staged is staged by the cell', () => {
  const source = new Templates(trans).source([staged({ path: null })]);
  expect(source).toMatch(/^files = %rucio stage user.alice:run1$/m);
});

it('several DIDs are one list of paths, for a second would replace the first', () => {
  const templates = new Templates(trans);
  const other = staged({
    did: 'user.alice:run2',
    path: '/data/run2',
    complete: false
  });
  const source = templates.source([staged(), other]);
  expect(source.match(/^files = /gm)).toHaveLength(1);
  expect(source).toContain('# user.alice:run1\n# user.alice:run2\n');
  expect(source).toContain('a.root",\n');
  expect(source).toContain(
    '    *sorted(str(path) for path in Path("/data/run2")'
  );
  expect(source).toMatch(/\]$/m);
});

it('where one of several is not staged, all come through the magic', () => {
  const missing = staged({ did: 'user.alice:run2', path: null });
  expect(new Templates(trans).source([staged(), missing])).toMatch(
    /%rucio stage user.alice:run1 user.alice:run2$/
  );
});

it('the instance is named where a kernel would ask another', () => {
  expect(
    new Templates(trans).source([staged({ path: null })], { instance: 'atlas' })
  ).toMatch(/%rucio stage user.alice:run1 --instance atlas$/);
});

it('a hostile name stays a text', () => {
  const name = 'a"; import os  # \\ \n{did}.root';
  const source = cellSource([staged({ names: [name] })], TEMPLATES[0]);
  expect(source).toContain(JSON.stringify(`${staged().path}/${name}`));
});

it('no name begins a line of its own', () => {
  const breaks = ['\n', '\r', '\v', '\f', '\x1c', '\x85', '\u2028', '\u2029'];
  const name = `a${breaks.join('b')}c`;
  const source = cellSource(
    [staged({ did: `user.alice:${name}`, names: [name] })],
    { name: 'Ours', suffixes: ['*'], source: 'f({paths}, {did})' }
  );
  expect(source.split('\n')).toHaveLength(2);
  breaks.slice(1).forEach(each => expect(source).not.toContain(each));
  expect(stagingSource([`x:${name}`], null).split('\n')).toHaveLength(3);
});

it.each([
  ['x:{1+1}', 'files = stage("x:{1+1}", instance="atlas")'],
  ['x:$HOME', 'files = stage("x:$HOME", instance="atlas")'],
  ["x:y'; rm", 'files = stage("x:y\'; rm", instance="atlas")'],
  ['-x:y', 'files = stage("-x:y", instance="atlas")'],
  ['x:\u0085', 'files = stage("x:\\u0085", instance="atlas")']
])('the magic, which would evaluate it, never sees %s', (did, line) => {
  const source = stagingSource([did], 'atlas');
  expect(source).not.toContain('%rucio');
  expect(source.split('\n').pop()).toBe(line);
});

it('an instance of any name is named as a text', () => {
  expect(stagingSource(['x:y'], 'my atlas')).toMatch(
    /^files = stage\("x:y", instance="my atlas"\)$/m
  );
});

it('an added template goes first, until it is withdrawn', () => {
  const templates = new Templates(trans);
  const added = templates.add(
    {
      name: 'Ours',
      suffixes: ['.root'],
      source: '{name} = {paths}; print({path}, {did})'
    },
    'extension'
  );
  expect(templates.offers([staged()])[0]).toBe('Ours');
  expect(templates.source([staged()], { template: 'Ours' })).toMatch(
    /^run1 = /m
  );
  added.dispose();
  expect(templates.offers([staged()])[0]).toBe('ROOT with uproot');
});

it('templates go in the order of who offers them, whoever came first', () => {
  const templates = new Templates(trans);
  const one = (name: string) => ({ name, suffixes: ['.root'], source: '' });
  templates.add(one('Site'), 'site');
  templates.add(one('Extension'), 'extension');
  templates.add(one('User 1'), 'user');
  templates.add(one('User 2'), 'user');
  expect(templates.offers([staged()]).slice(0, 5)).toEqual([
    'User 1',
    'User 2',
    'Extension',
    'Site',
    'ROOT with uproot'
  ]);
});
