import { join, nameOf, parentOf } from '../../layer/entry.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Census } from '../census.ts';
import type { Package } from '../package.ts';
import { readZipMember, zipMembers } from '../zip.ts';
import type { Manifest } from './npm.ts';

/** A package as `.pnp.cjs` lists it. */
interface Locator {
  name: string;
  reference: string;
  /** Relative to the file. */
  location: string;
  /** Its dependencies: the name that it requires each by, the name and the reference of the package. */
  needs: [as: string, name: string, reference: string][];
  /** Whether it is a workspace of the project. */
  isWorkspace?: true;
}

type Fact =
  | { type: 'pnp'; locators: Locator[] }
  | { type: 'zip'; name: string; version: string; license?: string }
  | { type: 'program'; version: string };

const PNP = new Set(['.pnp.cjs', '.pnp.js', '.pnp.data.json']);
const ZIP = /(?:^|\/)\.yarn\/(?:berry\/)?cache\/[^/]+\.zip$/;
const IN_ZIP = /^(.*\.zip)\/(node_modules\/.*?)\/?$/;
const RELEASE = /(?:^|\/)\.yarn\/releases\/yarn-(\d[\w.-]*)\.c?js$/;
const MANIFEST = /^node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/;
const SMALL = 4 << 20;

/**
 * Packages of yarn's Plug'n'Play: archives in `.yarn/cache`, one a package, and `.pnp.cjs`, which says who needs which.
 * What is unpacked (`.yarn/unplugged`) has a node_modules of its own, and is npm's.
 */
export const yarn: Catalogue<Fact> = {
  id: 'yarn',

  wants(path) {
    if (ZIP.test(path)) return 'random';
    return PNP.has(nameOf(path)) || RELEASE.test(path) ? 'whole' : undefined;
  },

  read(path, content) {
    const version = RELEASE.exec(path)?.[1];
    if (version !== undefined) return { type: 'program', version };
    return pnp(content.toString('utf8'));
  },

  lookInto(_path, file) {
    const member = zipMembers(file)?.find(({ name, size }) => MANIFEST.test(name) && size <= SMALL);
    const content = member && readZipMember(file, member);
    if (content === undefined) return undefined;
    try {
      const { name, version, license } = JSON.parse(content.toString('utf8')) as Record<string, unknown>;
      if (typeof name !== 'string' || typeof version !== 'string') return undefined;
      return { type: 'zip', name, version, ...(typeof license === 'string' && { license }) };
    } catch {
      return undefined;
    }
  },

  own(census, facts) {
    const zips = enterZips(census, facts);
    for (const [path, fact] of facts) {
      if (fact.type === 'program') ownProgram(census, path, fact.version);
      if (fact.type === 'pnp') connect(census, { path, locators: fact.locators, zips });
    }
  },
};

function enterZips(census: Census, facts: ReadonlyMap<string, Fact>): Map<string, Package> {
  const zips = new Map<string, Package>();
  const projects = [...facts.values()].some(({ type }) => type === 'pnp');
  if (!projects) return zips;
  for (const [path, fact] of facts) {
    if (fact.type !== 'zip') continue;
    const { name, version, license } = fact;
    const entered = census.enter({
      ...{ id: `npm:${name}@${version}:/${path}`, type: 'npm', name, version, kind: 'npm', path },
      purl: `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`,
      ...(license !== undefined && { license }),
    });
    zips.set(path, entered);
  }
  return zips;
}

function connect(
  census: Census,
  { path, locators, zips }: { path: string; locators: readonly Locator[]; zips: Map<string, Package> },
): void {
  const root = parentOf(path);
  const manifests = census.facts('npm') as Map<string, Manifest>;
  const installed = new Map([...census.packages.values()].map((one) => [one.path, one]));
  const places = new Map<string, Package>();
  const archives = new Map([...zips.values()].map((one) => [`${one.name}@${one.version}`, one]));
  /** What was unpacked and is in the cache as well: the copy in the cache, by the unpacked one. */
  const copies = new Map<Package, Package>();
  const workspaces: { locator: Locator; entered: Package; folder: string }[] = [];
  for (const locator of locators) {
    const [, zip] = IN_ZIP.exec(locator.location) ?? [];
    const at = resolved(root, zip ?? locator.location);
    let entered = zip === undefined ? installed.get(at) : zips.get(at);
    if (locator.isWorkspace) {
      const { name = locator.name, version = '' } = manifests.get(join(at, 'package.json')) ?? {};
      entered ??= census.enter({
        ...{ id: `npm:${name}@${version}:/${at}`, type: 'npm', name, version, kind: 'application', path: at },
        purl: `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`,
      });
      workspaces.push({ locator, entered, folder: at });
    }
    const archive = zip === undefined ? archives.get(archivedAs(locator)) : undefined;
    if (entered !== undefined && archive !== undefined) copies.set(entered, archive);
    // Optional, and not for this platform: only the cache has it.
    entered ??= archive;
    if (entered !== undefined) places.set(keyOf(locator.name, locator.reference), entered);
  }
  const needsOf = new Map<Package, Package[]>();
  for (const { name, reference, needs } of locators) {
    const from = places.get(keyOf(name, reference));
    if (from === undefined) continue;
    const to = needs.flatMap(([, one, of]) => places.get(keyOf(one, of)) ?? []).filter((one) => one !== from);
    const all = [...new Set([...(needsOf.get(from) ?? []), ...to])];
    needsOf.set(from, all);
    if (all.length > 0) from.requires = all.map(({ id }) => id);
  }
  markDevelopment(workspaces, { places, needsOf, manifests });
  for (const [{ dev, kind }, copy] of copies) {
    if (dev) Object.assign(copy, { dev, kind });
  }
  for (const [zip, entered] of zips) census.own(census.leaf(zip), entered, entered.kind);
  for (const name of ['.pnp.cjs', '.pnp.js', '.pnp.data.json', '.pnp.loader.mjs']) {
    census.own(census.leaf(join(root, name)), undefined, 'npm');
  }
  for (const leaf of census.below(join(root, '.yarn'))) {
    const owner = [...ancestors(leaf.path)].flatMap((at) => installed.get(at) ?? [])[0];
    if (owner !== undefined && leaf.owner === owner) leaf.kind = owner.kind;
    else if (/\/\.yarn\/(install-state\.gz|build-state\.yml)$/.test(`/${leaf.path}`))
      census.own(leaf, undefined, 'cache');
  }
}

/** What only `devDependencies` of the project's packages lead to is for development. */
function markDevelopment(
  workspaces: readonly { locator: Locator; entered: Package; folder: string }[],
  found: {
    places: ReadonlyMap<string, Package>;
    needsOf: ReadonlyMap<Package, readonly Package[]>;
    manifests: ReadonlyMap<string, Manifest>;
  },
): void {
  const wanted: Package[] = [];
  const others: Package[] = [];
  for (const { locator, folder } of workspaces) {
    const file = join(folder, 'package.json');
    const manifest = found.manifests.get(file);
    for (const [name, needed, reference] of locator.needs) {
      const to = found.places.get(keyOf(needed, reference));
      if (to === undefined || to.kind === 'application') continue;
      const line =
        manifest?.dependencies?.[name] ??
        manifest?.optionalDependencies?.[name] ??
        manifest?.devDependencies?.[name];
      if (line !== undefined) to.askedBy ??= { path: file, line: line[1] };
      const isForDevelopment =
        manifest?.devDependencies?.[name] !== undefined &&
        manifest.dependencies?.[name] === undefined &&
        manifest.optionalDependencies?.[name] === undefined;
      (isForDevelopment ? others : wanted).push(to);
    }
  }
  const closure = (from: readonly Package[], without: ReadonlySet<Package>) => {
    const seen = new Set<Package>();
    const todo = [...from];
    for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
      if (seen.has(one) || without.has(one)) continue;
      seen.add(one);
      todo.push(...(found.needsOf.get(one) ?? []));
    }
    return seen;
  };
  const production = closure(wanted, new Set());
  for (const one of closure(others, production)) {
    if (one.kind !== 'application') Object.assign(one, { dev: true, kind: 'npm-dev' });
  }
}

function ownProgram(census: Census, path: string, version: string): void {
  const owner = census.enter({
    ...{ id: `npm:yarn@${version}:/${path}`, type: 'npm', name: 'yarn', version, kind: 'tool', path },
    purl: `pkg:npm/%40yarnpkg/cli@${encodeURIComponent(version)}`,
  });
  census.own(census.leaf(path), owner, 'tool');
}

function* ancestors(path: string): Generator<string> {
  for (let at = parentOf(path); at !== ''; at = parentOf(at)) yield at;
}

/** Two peers of one package have references of their own: `virtual:…#npm:1.0.0`. */
function keyOf(name: string, reference: string): string {
  return `${name}@${reference}`;
}

/** Name and version of the archive that a package is unpacked from: `npm:1.0.0`, `patch:a@npm%3A1.0.0#…`. */
function archivedAs({ name, reference }: Locator): string {
  return `${name}@${/\bnpm(?::|%3A)([^#:&]+)/.exec(reference)?.[1] ?? ''}`;
}

/** A location from the folder of the file, `..` included. */
function resolved(root: string, location: string): string {
  const at = root.split('/').filter((name) => name !== '');
  // A virtual package's: `.yarn/__virtual__/x-virtual-1/0/cache/x.zip/…` is `.yarn/cache/x.zip/…`, `1` one folder up.
  for (const name of location.split('/')) {
    if (name === '..') at.pop();
    else if (name !== '' && name !== '.') at.push(name);
  }
  const virtual = at.findIndex((name) => name === '__virtual__' || name === '$$virtual');
  if (virtual < 0 || !/^\d+$/.test(at[virtual + 2] ?? '')) return at.join('/');
  const up = Number(at[virtual + 2]);
  return [...at.slice(0, Math.max(0, virtual - up)), ...at.slice(virtual + 3)].join('/');
}

function pnp(text: string): Fact | undefined {
  let value: { packageRegistryData?: unknown };
  try {
    value = JSON.parse(stateIn(text) ?? text) as { packageRegistryData?: unknown };
  } catch {
    return undefined;
  }
  if (!Array.isArray(value?.packageRegistryData)) return undefined;
  const locators: Locator[] = [];
  for (const [name, of] of pairs(value.packageRegistryData)) {
    for (const [reference, about] of pairs(of)) {
      if (typeof name !== 'string' || typeof reference !== 'string' || typeof about !== 'object') continue;
      const { packageLocation, packageDependencies, linkType } = (about ?? {}) as Record<string, unknown>;
      if (typeof packageLocation !== 'string') continue;
      const needs = pairs(packageDependencies).flatMap(([as, to]): Locator['needs'] => {
        if (Array.isArray(to)) return [[String(as), String(to[0]), String(to[1])]];
        return typeof to === 'string' ? [[String(as), String(as), to]] : [];
      });
      const isWorkspace = linkType === 'SOFT' && reference.startsWith('workspace:');
      locators.push({
        ...{ name, reference, location: packageLocation, needs },
        ...(isWorkspace && { isWorkspace }),
      });
    }
  }
  return locators.length === 0 ? undefined : { type: 'pnp', locators };
}

/** The data inside the script: a string of JSON in quotes (yarn 4), or an object (2 and 3). */
function stateIn(text: string): string | undefined {
  const quoted = /\bRAW_RUNTIME_STATE\s*=\s*'/.exec(text);
  if (quoted !== null) {
    const start = quoted.index + quoted[0].length;
    const end = /(?<!\\)';/g;
    end.lastIndex = start;
    const stop = end.exec(text);
    return stop === null
      ? undefined
      : text.slice(start, stop.index).replaceAll(/\\(\n|.)/g, (_, one: string) => (one === '\n' ? '' : one));
  }
  const start = text.indexOf('hydrateRuntimeState({');
  const end = text.lastIndexOf('}, {basePath');
  return start < 0 || end < start ? undefined : text.slice(start + 'hydrateRuntimeState('.length, end + 1);
}

function pairs(of: unknown): [unknown, unknown][] {
  return Array.isArray(of) ? of.filter((one): one is [unknown, unknown] => Array.isArray(one)) : [];
}
