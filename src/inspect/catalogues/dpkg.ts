import type { Catalogue } from '../catalogue.ts';
import { inventory } from '../inventory.ts';
import type { Package } from '../package.ts';
import { paragraphs } from './paragraphs.ts';

const FOLDER = 'var/lib/dpkg/';
const STATUS = `${FOLDER}status`;
/** Distroless images have one file per package instead, and its list of files beside it. */
const STATUS_FOLDER = `${FOLDER}status.d/`;
const DIVERSIONS = `${FOLDER}diversions`;

interface Described {
  name: string;
  version: string;
  architecture?: string;
  source?: { name: string; version?: string };
  /** Of each dependency the names that satisfy it: `a | b`. */
  depends: string[][];
  /** Virtual packages. */
  provides: string[];
}

type Fact =
  | { packages: Described[] }
  /** Paths that a package has, relative to the root. */
  | { files: string[] }
  /** Diversions: `[from, to, by]`; `by` is the package, or `:` for a local diversion. */
  | { diversions: [string, string, string][] };

/** Debian's and Ubuntu's packages: `/var/lib/dpkg/status` and `info/*.list`, and distroless' `status.d`. */
export const dpkg: Catalogue<Fact> = {
  id: 'dpkg',

  wants(path) {
    if (!path.startsWith(FOLDER)) return undefined;
    const name = path.slice(FOLDER.length);
    return name === 'status' || name === 'diversions' || /^(status\.d\/[^/]+|info\/[^/]+\.list)$/.test(name)
      ? 'whole'
      : undefined;
  },

  read(path, content) {
    const text = content.toString('utf8');
    if (path === DIVERSIONS) return { diversions: readDiversions(text) };
    if (path.endsWith('.list'))
      return {
        files: lines(text)
          .map(relative)
          .filter((one) => one !== ''),
      };
    if (path.endsWith('.md5sums')) {
      return {
        files: lines(text)
          .flatMap((line) => /^[0-9a-f]{32} [ *]?(.+)$/.exec(line)?.[1] ?? [])
          .map(relative),
      };
    }
    const packages = paragraphs(text).flatMap((fields) => described(fields) ?? []);
    return packages.length === 0 ? undefined : { packages };
  },

  own(census, facts) {
    const release = inventory(census).distribution;
    const moved = diversionsOf(facts);
    const providers = providersOf(facts.values());
    for (const [path, fact] of facts) {
      if (!('packages' in fact)) continue;
      for (const one of fact.packages) {
        const owner = census.enter(packageOf(one, path, release, providers));
        for (const listed of listsOf(one, path, facts)) {
          for (const file of listed) {
            const to = moved.get(file);
            const at = to !== undefined && to.by !== one.name ? to.path : file;
            census.own(census.leaf(at), owner, 'os-package');
          }
        }
      }
    }
    // No package owns the database itself.
    if (facts.size > 0)
      for (const leaf of census.below('var/lib/dpkg')) census.own(leaf, undefined, 'os-package');
  },
};

function described(fields: ReadonlyMap<string, string>): Described | undefined {
  const name = fields.get('package');
  const version = fields.get('version');
  const status = fields.get('status');
  if (name === undefined || version === undefined) return undefined;
  // Of the others files are there, too: `unpacked`, `triggers-pending`.
  if (status !== undefined && / (not-installed|config-files)$/.test(status)) return undefined;
  const [, source, sourceVersion] = /^(\S+)(?: \((.+)\))?$/.exec(fields.get('source') ?? '') ?? [];
  const architecture = fields.get('architecture');
  return {
    name,
    version,
    ...(architecture !== undefined && { architecture }),
    ...(source !== undefined && {
      source: { name: source, ...(sourceVersion !== undefined && { version: sourceVersion }) },
    }),
    depends: [fields.get('pre-depends'), fields.get('depends')]
      .flatMap((text) => text?.split(',') ?? [])
      .map((one) => one.split('|').flatMap(nameIn))
      .filter((names) => names.length > 0),
    provides: (fields.get('provides') ?? '').split(',').flatMap(nameIn),
  };
}

/** The package of a dependency, without its architecture and its version. */
function nameIn(text: string): string[] {
  return /^\s*([a-z0-9.+-]+)/.exec(text)?.slice(1) ?? [];
}

/** Installed packages by their names and by what they provide. */
function providersOf(facts: Iterable<Fact>): Map<string, string[]> {
  const providers = new Map<string, string[]>();
  for (const fact of facts) {
    if (!('packages' in fact)) continue;
    for (const { name, provides } of fact.packages) {
      for (const one of new Set([name, ...provides])) {
        const known = providers.get(one);
        if (known === undefined) providers.set(one, [name]);
        else if (!known.includes(name)) known.push(name);
      }
    }
  }
  return providers;
}

function packageOf(
  { name, version, architecture, source, depends }: Described,
  path: string,
  release: { id: string; version?: string } | undefined,
  providers: ReadonlyMap<string, readonly string[]>,
): Package {
  const qualifiers = [
    ...(architecture === undefined ? [] : [`arch=${architecture}`]),
    ...(release === undefined
      ? []
      : [`distro=${release.id}${release.version === undefined ? '' : `-${release.version}`}`]),
  ];
  const query = qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`;
  return {
    id: `deb:${name}${architecture === undefined || architecture === 'all' ? '' : `:${architecture}`}`,
    ...{ type: 'deb', name, version, kind: 'os-package', path },
    purl: `pkg:deb/${release?.id ?? 'debian'}/${encodeURIComponent(name)}@${encodeURIComponent(version)}${query}`,
    ...(source !== undefined && { source }),
    requires: [...new Set(depends.flat().flatMap((one) => providers.get(one) ?? []))].map(
      (one) => `deb:${one}`,
    ),
  };
}

/** A package's lists of files: `NAME.list`, of multi-arch ones `NAME:ARCH.list`; distroless: `NAME.md5sums`. */
function listsOf(
  { name, architecture }: Described,
  path: string,
  facts: ReadonlyMap<string, Fact>,
): string[][] {
  const paths =
    path === STATUS
      ? [`${FOLDER}info/${name}.list`, `${FOLDER}info/${name}:${architecture}.list`]
      : [`${path}.md5sums`, `${STATUS_FOLDER}${name}.md5sums`];
  return [...new Set(paths)].flatMap((one) => {
    const fact = facts.get(one);
    return fact !== undefined && 'files' in fact ? [fact.files] : [];
  });
}

function diversionsOf(facts: ReadonlyMap<string, Fact>): Map<string, { path: string; by: string }> {
  const fact = facts.get(DIVERSIONS);
  const moved = new Map<string, { path: string; by: string }>();
  if (fact === undefined || !('diversions' in fact)) return moved;
  for (const [from, to, by] of fact.diversions) moved.set(from, { path: to, by });
  return moved;
}

function readDiversions(text: string): [string, string, string][] {
  const all = lines(text);
  const triples: [string, string, string][] = [];
  for (let at = 0; at + 2 < all.length; at += 3) {
    triples.push([relative(all[at]!), relative(all[at + 1]!), all[at + 2]!]);
  }
  return triples;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Lists name paths from the root. */
function relative(path: string): string {
  return path.replace(/^\/\.?\/?|^\.\//, '').replace(/\/$/, '');
}
