import type { TranslationBundle } from '@jupyterlab/translation';

/** A way of reading files, as the text of a cell with places to fill in. */
export interface ICellTemplate {
  /** What the menu says. */
  name: string;
  /** Ends of file names that it fits, lower case; `*` fits every file. */
  suffixes: readonly string[];
  source: string;
}

/** What a cell is made for: a DID, where its files are, and some of their names. */
export interface IStaged {
  did: string;
  /** Absolute path of the folder or the file; null where nothing is staged. */
  path: string | null;
  folder: boolean;
  /** Names of the files, or the first of many: they tell what kind of files these are. */
  names: readonly string[];
  /** Whether `names` are all of them, right below `path`. */
  complete: boolean;
}

/**
 * The built-in ways of reading files.
 *
 * In a source, `{paths}` becomes an expression that is a list of paths, `{path}` one that is
 * the first of them, `{did}` the DID, `{name}` a name for a variable.
 */
export function builtInTemplates(
  trans: TranslationBundle
): readonly ICellTemplate[] {
  return [
    {
      name: trans.__('ROOT with uproot'),
      suffixes: ['.root'],
      source:
        'import uproot\n\nfiles = {paths}\nwith uproot.open(files[0]) as first:\n    print(first.classnames())'
    },
    {
      name: trans.__('Parquet with pandas'),
      suffixes: ['.parquet', '.pq'],
      source:
        'import pandas as pd\n\nfiles = {paths}\ntable = pd.concat(map(pd.read_parquet, files), ignore_index=True)\ntable.head()'
    },
    {
      name: trans.__('CSV with pandas'),
      suffixes: ['.csv', '.csv.gz'],
      source:
        'import pandas as pd\n\nfiles = {paths}\ntable = pd.concat(map(pd.read_csv, files), ignore_index=True)\ntable.head()'
    },
    {
      name: trans.__('NetCDF with xarray'),
      suffixes: ['.nc', '.nc4', '.cdf'],
      source:
        'import xarray as xr\n\nfiles = {paths}\ndata = xr.open_mfdataset(files)\ndata'
    },
    {
      name: trans.__('HDF5 with h5py'),
      suffixes: ['.h5', '.hdf5', '.hdf'],
      source:
        'import h5py\n\nfiles = {paths}\nwith h5py.File(files[0]) as first:\n    first.visit(print)'
    },
    {
      name: trans.__('FITS with astropy'),
      suffixes: ['.fits', '.fit', '.fits.gz'],
      source:
        'from astropy.io import fits\n\nfiles = {paths}\nfits.info(files[0])'
    },
    {
      name: trans.__('Paths'),
      suffixes: ['*'],
      source: 'files = {paths}\nlen(files)'
    }
  ];
}

/** A list of this many paths is still pleasant to read in a cell. */
const LISTED = 5;

/** The templates that fit files of these names, the one for most of them first. */
export function fitting(
  templates: readonly ICellTemplate[],
  names: readonly string[]
): ICellTemplate[] {
  const fits = (template: ICellTemplate): number =>
    template.suffixes.includes('*')
      ? 0.5
      : names.filter(name => template.suffixes.some(end => ends(name, end)))
          .length;
  return templates
    .map(template => ({ template, score: fits(template) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ template }) => template);
}

function ends(name: string, end: string): boolean {
  return endOf(name, end.length).toLowerCase() === end;
}

/** The last characters of a name, but for the number of an attempt after them: `.root` of `a.root.1`. */
function endOf(name: string, length: number): string {
  return name.replace(/\.\d+$/, '').slice(-length);
}

/** The text of a cell that reads these, of which there is one at least, in one list of paths. */
export function cellSource(
  staged: readonly IStaged[],
  template: ICellTemplate
): string {
  const suffix = suffixOf(staged, template);
  const [first] = staged;
  const items = staged.flatMap(one => itemsOf(one, suffix));
  const places: Record<string, string> = {
    paths: listOf(items),
    path: items[0].startsWith('*') ? `${items[0].slice(1)}[0]` : items[0],
    did: text(first.did),
    name: variable(first.did)
  };
  // In one pass: what is filled in may itself look like a place to fill in.
  const source = template.source.replace(
    /\{(paths|path|did|name)\}/g,
    (_, place: string) => places[place]
  );
  const lines = staged.map(({ did }) => `# ${did.replace(CONTROLS, ' ')}`);
  if (items.some(item => item.startsWith('*'))) {
    lines.push('from pathlib import Path');
  }
  return [...lines, source].join('\n');
}

/**
 * The text of a cell that stages these and has their paths; `instance` where it must be named.
 *
 * IPython evaluates what stands in braces or after a dollar sign in the line of a magic, so the magic is
 * for plain names alone.
 */
export function stagingSource(
  dids: readonly string[],
  instance: string | null
): string {
  const named = instance === null ? [] : [instance];
  if ([...dids, ...named].every(isPlain)) {
    const words = [...dids, ...named.flatMap(name => ['--instance', name])];
    return `%load_ext rucio_jupyterlab.kernel\nfiles = %rucio stage ${words.join(' ')}`;
  }
  const given = [
    ...dids.map(text),
    ...named.map(name => `instance=${text(name)}`)
  ];
  return `from rucio_jupyterlab.kernel import stage\n\nfiles = stage(${given.join(', ')})`;
}

/** Of a template's suffixes that which these files have, as they write it; `*` where it fits every file. */
function suffixOf(staged: readonly IStaged[], template: ICellTemplate): string {
  const { suffixes } = template;
  if (suffixes.includes('*')) {
    return '*';
  }
  const names = staged.flatMap(one => one.names);
  const found = suffixes.flatMap(end =>
    names.filter(name => ends(name, end)).map(name => endOf(name, end.length))
  );
  return found[0] ?? suffixes[0];
}

/** The files of a DID as items of a list in Python; one with a star finds them when the cell runs. */
function itemsOf(staged: IStaged, suffix: string): string[] {
  const { path, folder, names, complete } = staged;
  if (path === null || !folder) {
    return [text(path ?? '')];
  }
  if (complete && names.length > 0 && names.length <= LISTED) {
    return names.map(name => text(`${path}/${name}`));
  }
  const pattern = text(suffix === '*' ? '*' : `*${suffix}*`);
  return [
    `*sorted(str(path) for path in Path(${text(path)}).rglob(${pattern}) if path.is_file())`
  ];
}

/** A list in Python; not a sum of lists, of which Python compiles no more than a thousand or so. */
function listOf(items: readonly string[]): string {
  const [first, ...more] = items;
  if (more.length > 0) {
    return `[\n${items.map(item => `    ${item},\n`).join('')}]`;
  }
  return first.startsWith('*') ? first.slice(1) : `[${first}]`;
}

/** A variable's name, after the DID's own name: its last words that hold letters. */
function variable(did: string): string {
  const words = did.split(/\W+/).filter(word => /^[A-Za-z_]/.test(word));
  return (words.pop() ?? 'files').toLowerCase();
}

/** What begins a new line for Python or for IPython, and other characters that are not seen. */
const CONTROLS = /[\p{Cc}\u2028\u2029]/gu;

/** A literal that Python reads as this very text; JSON's escapes are Python's too. */
function text(value: string): string {
  return JSON.stringify(value).replace(
    CONTROLS,
    each => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`
  );
}

/** Whether a word means itself in the line of a magic. */
function isPlain(word: string): boolean {
  return /^\w[\w.:/@%+=,-]*$/.test(word);
}
