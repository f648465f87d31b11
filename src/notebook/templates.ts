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

/** Reads what is not staged yet: the magic stages it and gives the paths. */
const NOT_STAGED =
  '%load_ext rucio_jupyterlab.kernel\nfiles = %rucio stage {dids}';

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

/** Whether a name has an ending, maybe with the number of an attempt after it: `.root.1`. */
function ends(name: string, end: string): boolean {
  return name
    .toLowerCase()
    .replace(/\.\d+$/, '')
    .endsWith(end);
}

/** The text of a cell that reads these, of which there is one at least, in one list of paths. */
export function cellSource(
  staged: readonly IStaged[],
  template: ICellTemplate
): string {
  const paths = staged.map(one => pathsOf(one, template));
  const expression = paths.map(one => one.expression).join(' + ');
  const [first] = staged;
  const places: Record<string, string> = {
    paths: expression,
    path: first.folder ? `${paths[0].expression}[0]` : text(first.path ?? ''),
    did: text(first.did),
    name: variable(first.did)
  };
  // In one pass: what is filled in may itself look like a place to fill in.
  const source = template.source.replace(
    /\{(paths|path|did|name)\}/g,
    (_, place: string) => places[place]
  );
  const lines = [
    ...staged.map(({ did }) => `# ${did.replace(/[\r\n]/g, ' ')}`),
    ...new Set(paths.flatMap(({ needs }) => needs ?? []))
  ];
  return [...lines, source].join('\n');
}

/** The text of a cell that stages these and has their paths; `instance` where it must be named. */
export function stagingSource(
  dids: readonly string[],
  instance: string | null
): string {
  const words = dids.map(shellWord);
  if (instance !== null) {
    words.push('--instance', shellWord(instance));
  }
  return NOT_STAGED.replace('{dids}', () => words.join(' '));
}

function pathsOf(
  staged: IStaged,
  template: ICellTemplate
): { expression: string; needs?: string } {
  const { path, folder, names, complete } = staged;
  if (path === null || !folder) {
    return { expression: `[${text(path ?? '')}]` };
  }
  if (complete && names.length > 0 && names.length <= LISTED) {
    const listed = names.map(name => `    ${text(`${path}/${name}`)},\n`);
    return { expression: `[\n${listed.join('')}]` };
  }
  const [end] = template.suffixes;
  const glob = end === '*' ? '*.*' : `*${end}*`;
  return {
    expression: `sorted(map(str, Path(${text(path)}).rglob(${text(glob)})))`,
    needs: 'from pathlib import Path'
  };
}

/** A variable's name, after the DID's own name: its last words that hold letters. */
function variable(did: string): string {
  const words = did.split(/\W+/).filter(word => /^[A-Za-z_]/.test(word));
  return (words.pop() ?? 'files').toLowerCase();
}

/** A literal that Python reads as this very text; JSON's escapes are Python's too. */
function text(value: string): string {
  return JSON.stringify(value);
}

function shellWord(value: string): string {
  return /^[\w.:/@%+=,-]+$/.test(value)
    ? value
    : `'${value.replace(/'/g, `'"'"'`)}'`;
}
