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
export const TEMPLATES: readonly ICellTemplate[] = [
  {
    name: 'ROOT with uproot',
    suffixes: ['.root'],
    source:
      'import uproot\n\nfiles = {paths}\nwith uproot.open(files[0]) as first:\n    print(first.classnames())'
  },
  {
    name: 'Parquet with pandas',
    suffixes: ['.parquet', '.pq'],
    source:
      'import pandas as pd\n\nfiles = {paths}\ntable = pd.concat(map(pd.read_parquet, files), ignore_index=True)\ntable.head()'
  },
  {
    name: 'CSV with pandas',
    suffixes: ['.csv', '.csv.gz'],
    source:
      'import pandas as pd\n\nfiles = {paths}\ntable = pd.concat(map(pd.read_csv, files), ignore_index=True)\ntable.head()'
  },
  {
    name: 'NetCDF with xarray',
    suffixes: ['.nc', '.nc4', '.cdf'],
    source:
      'import xarray as xr\n\nfiles = {paths}\ndata = xr.open_mfdataset(files)\ndata'
  },
  {
    name: 'HDF5 with h5py',
    suffixes: ['.h5', '.hdf5', '.hdf'],
    source:
      'import h5py\n\nfiles = {paths}\nwith h5py.File(files[0]) as first:\n    first.visit(print)'
  },
  {
    name: 'FITS with astropy',
    suffixes: ['.fits', '.fit', '.fits.gz'],
    source:
      'from astropy.io import fits\n\nfiles = {paths}\nfits.info(files[0])'
  },
  {
    name: 'Paths',
    suffixes: ['*'],
    source: 'files = {paths}\nlen(files)'
  }
];

/** Reads a DID that is not staged yet: the magic stages it and gives the paths. */
const NOT_STAGED =
  '%load_ext rucio_jupyterlab.kernel\nfiles = %rucio stage {did}';

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

/** The text of a cell that reads what is staged, or stages it. */
export function cellSource(staged: IStaged, template: ICellTemplate): string {
  if (staged.path === null) {
    return NOT_STAGED.replace('{did}', () => shellWord(staged.did));
  }
  const paths = pathsOf(staged, template);
  const first = staged.folder ? `${paths.expression}[0]` : text(staged.path);
  const places: Record<string, string> = {
    paths: paths.expression,
    path: first,
    did: text(staged.did),
    name: variable(staged.did)
  };
  // In one pass: what is filled in may itself look like a place to fill in.
  const source = template.source.replace(
    /\{(paths|path|did|name)\}/g,
    (_, place: string) => places[place]
  );
  const heading = `# ${staged.did.replace(/[\r\n]/g, ' ')}\n`;
  return heading + (paths.needs ? `${paths.needs}\n` : '') + source;
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
