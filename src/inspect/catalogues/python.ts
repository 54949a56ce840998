import { join, nameOf, parentOf } from '../../layer/entry.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Census } from '../census.ts';
import type { Package } from '../package.ts';
import { mayHold } from './python-markers.ts';

type Fact =
  | { type: 'metadata'; name: string; version: string; license?: string; requires: string[] }
  /** Paths relative to the folder that holds the package's own. */
  | { type: 'files'; files: string[] }
  /** Its top-level modules and packages, if nothing lists its files. */
  | { type: 'modules'; names: string[] }
  | { type: 'environment' }
  | { type: 'library' }
  | { type: 'version'; version: string };

const TOOLS = new Set(['pip', 'setuptools', 'wheel', 'pipenv', 'poetry', 'uv', 'virtualenv']);
const METADATA = /\.dist-info\/METADATA$|\.egg-info\/PKG-INFO$|\.egg-info$/;
const LIBRARY = /^(?:(.*)\/)?lib(?:64)?\/(python3\.\d+)\/os\.py$/;
const HEADER = /(?:^|\/)include\/python3\.\d+[a-z]*\/patchlevel\.h$/;
const SITE = /(?:^|\/)(?:site|dist)-packages\//;
/** The version of Python, in the path of a package. */
const PYTHON = /(?:^|\/)python(3\.\d+)\//;
const LICENSE_LENGTH = 80;

/**
 * Python's packages (`*.dist-info` with METADATA and RECORD, `*.egg-info`), its virtual environments, and Python itself
 * where no package of the distribution has it: the folder of its library, and what is installed with that.
 */
export const python: Catalogue<Fact> = {
  id: 'python',

  wants(path) {
    const isWanted =
      METADATA.test(path) ||
      /\.dist-info\/RECORD$|\.egg-info\/(installed-files|top_level)\.txt$|(^|\/)pyvenv\.cfg$/.test(path) ||
      LIBRARY.test(path) ||
      HEADER.test(path);
    return isWanted ? 'whole' : undefined;
  },

  read(path, content) {
    if (LIBRARY.test(path)) return { type: 'library' };
    const text = content.toString('utf8');
    switch (nameOf(path)) {
      case 'pyvenv.cfg':
        return /^home\s*=/m.test(text) ? { type: 'environment' } : undefined;
      case 'patchlevel.h': {
        const version = /^#define PY_VERSION\s+"([^"]+)"/m.exec(text)?.[1];
        return version === undefined ? undefined : { type: 'version', version };
      }
      case 'RECORD':
        return { type: 'files', files: lines(text).map(firstField) };
      case 'installed-files.txt': {
        const folder = nameOf(parentOf(path));
        return { type: 'files', files: lines(text).map((one) => `${folder}/${one}`) };
      }
      case 'top_level.txt':
        return { type: 'modules', names: lines(text) };
      default:
        return metadata(text, PYTHON.exec(path)?.[1]);
    }
  },

  own(census, facts) {
    const packages = enterPackages(census, facts);
    for (const { entered, folder, site } of packages) ownFiles(census, facts, { entered, folder, site });
    for (const [path, fact] of facts) {
      if (fact.type === 'library') ownPython(census, facts, path);
      if (fact.type === 'environment') ownEnvironment(census, parentOf(path));
    }
    for (const { site } of packages) {
      for (const leaf of census.below(site)) if (SITE.test(leaf.path)) census.own(leaf, undefined, 'python');
    }
  },
};

interface Found {
  entered: Package;
  /** Where its description is: `…/x-1.0.dist-info`, or a file. */
  folder: string;
  /** The folder that it is installed in. */
  site: string;
}

function enterPackages(census: Census, facts: ReadonlyMap<string, Fact>): Found[] {
  const found: (Found & { requires: string[] })[] = [];
  const byName = new Map<string, Package>();
  for (const [path, fact] of facts) {
    if (fact.type !== 'metadata') continue;
    const folder = /\.(dist|egg)-info$/.test(path) ? path : parentOf(path);
    const name = normalized(fact.name);
    const purl = `pkg:pypi/${encodeURIComponent(name)}@${encodeURIComponent(fact.version)}`;
    const entered = census.enter({
      ...{ id: `pypi:${name}@${fact.version}:/${folder}`, type: 'pypi', name, version: fact.version },
      ...{ kind: TOOLS.has(name) ? 'tool' : 'python', path: folder, purl },
      ...(fact.license !== undefined && { license: fact.license }),
    });
    const site = parentOf(folder);
    byName.set(`${site}/${name}`, entered);
    if (!byName.has(name)) byName.set(name, entered);
    found.push({ entered, folder, site, requires: fact.requires });
  }
  for (const { entered, site, requires } of found) {
    const needs = requires.flatMap((one) => (byName.get(`${site}/${one}`) ?? byName.get(one))?.id ?? []);
    if (needs.length > 0) entered.requires = [...new Set(needs)];
  }
  return found;
}

function ownFiles(census: Census, facts: ReadonlyMap<string, Fact>, { entered, folder, site }: Found): void {
  const own = (path: string) => census.own(census.leaf(path), entered, entered.kind);
  for (const leaf of census.below(folder)) census.own(leaf, entered, entered.kind);
  for (const list of ['RECORD', 'installed-files.txt']) {
    const fact = facts.get(`${folder}/${list}`);
    if (fact?.type !== 'files') continue;
    for (const file of fact.files) {
      const path = file.startsWith('/') ? file.slice(1) : census.real(join(site, file), false);
      if (path === undefined) continue;
      own(path);
      if (!path.endsWith('.py')) continue;
      // What an import compiled.
      const cache = join(parentOf(path), '__pycache__');
      const stem = `${nameOf(path).slice(0, -'.py'.length)}.`;
      for (const name of compiledIn(census, cache).get(stem) ?? []) own(join(cache, name));
    }
    return;
  }
  const modules = facts.get(`${folder}/top_level.txt`);
  const names = modules?.type === 'modules' ? modules.names : [entered.name.replaceAll('-', '_')];
  for (const name of names) {
    own(join(site, `${name}.py`));
    for (const leaf of census.below(join(site, name))) census.own(leaf, entered, entered.kind);
  }
}

const compiled = new WeakMap<Census, Map<string, Map<string, string[]>>>();

/** Names in a `__pycache__`, by that of their module. */
function compiledIn(census: Census, cache: string): Map<string, string[]> {
  const folders = compiled.get(census) ?? new Map<string, Map<string, string[]>>();
  compiled.set(census, folders);
  let names = folders.get(cache);
  if (names === undefined) {
    names = new Map();
    for (const name of census.children(cache)) {
      const stem = /^(.*?\.)[a-z]+-\d+/.exec(name)?.[1];
      if (stem !== undefined) names.set(stem, [...(names.get(stem) ?? []), name]);
    }
    folders.set(cache, names);
  }
  return names;
}

function ownPython(census: Census, facts: ReadonlyMap<string, Fact>, path: string): void {
  if (census.leaf(path)?.kind !== undefined) return;
  const [, prefix = '', name = ''] = LIBRARY.exec(path) ?? [];
  const header = [...facts].find(
    ([at, { type }]) => type === 'version' && at.startsWith(join(prefix, `include/${name}`)),
  )?.[1];
  const version = header?.type === 'version' ? header.version : name.slice('python'.length);
  const at = join(prefix, `bin/${name}`);
  const owner = census.enter({
    ...{ id: `generic:python@${version}:/${at}`, type: 'generic', name: 'python', version, path: at },
    ...{ kind: 'runtime', purl: `pkg:generic/python@${encodeURIComponent(version)}` },
  });
  const around = [
    [parentOf(path), /^(?!.*\/(site|dist)-packages\/)/],
    [join(prefix, `include/${name}`), /^/],
    [join(prefix, 'bin'), /\/(python|pydoc|idle|2to3)[^/]*$/],
    [join(prefix, 'lib'), /\/lib\/(libpython3[^/]*|pkgconfig\/python-?3[^/]*)$/],
    [join(prefix, 'share/man/man1'), /\/python3?[^/]*$/],
  ] as const;
  for (const [folder, names] of around) {
    for (const leaf of census.below(folder))
      if (names.test(`/${leaf.path}`)) census.own(leaf, owner, 'runtime');
  }
}

/** The files that `python -m venv` makes, without the packages in it. */
function ownEnvironment(census: Census, folder: string): void {
  census.own(census.leaf(join(folder, 'pyvenv.cfg')), undefined, 'python');
  census.own(census.leaf(join(folder, 'lib64')), undefined, 'python');
  for (const leaf of census.below(join(folder, 'bin'))) {
    if (/^(python|[Aa]ctivate)/.test(nameOf(leaf.path))) census.own(leaf, undefined, 'python');
  }
}

/** Lines of `Name: value`, up to the first empty one. @param python its version, such as 3.11 */
function metadata(text: string, python: string | undefined): Fact | undefined {
  const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length;
  const values = new Map<string, string[]>();
  for (const line of lines(text.slice(0, end))) {
    const colon = line.indexOf(': ');
    if (colon < 1 || line[0] === ' ') continue;
    const key = line.slice(0, colon).toLowerCase();
    values.set(key, [...(values.get(key) ?? []), line.slice(colon + 2).trim()]);
  }
  const [name] = values.get('name') ?? [];
  const [version] = values.get('version') ?? [];
  if (name === undefined || version === undefined) return undefined;
  const [license] = [...(values.get('license-expression') ?? []), ...(values.get('license') ?? [])];
  const requires = (values.get('requires-dist') ?? [])
    .filter((one) => !one.includes(';') || mayHold(one.slice(one.indexOf(';') + 1), python))
    .flatMap((one) => /^[A-Za-z0-9._-]+/.exec(one)?.[0] ?? []);
  return {
    ...{ type: 'metadata', name, version, requires: requires.map(normalized) },
    ...(license !== undefined && license !== '' && license.length <= LICENSE_LENGTH && { license }),
  };
}

/** The first field of a line of CSV. */
function firstField(line: string): string {
  const quoted = /^"((?:[^"]|"")*)"/.exec(line)?.[1];
  return quoted === undefined ? line.slice(0, Math.max(0, line.indexOf(','))) : quoted.replaceAll('""', '"');
}

function lines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== '');
}

/** PEP 503. */
function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}
