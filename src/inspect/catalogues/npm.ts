import { join, nameOf, parentOf } from '../../layer/entry.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Census } from '../census.ts';
import type { Leaf } from '../leaf.ts';
import type { Package } from '../package.ts';

/** What a package.json asks for: range and line of each name. */
type Asked = Record<string, [range: string, line: number]>;

export interface Manifest {
  type: 'manifest';
  name?: string;
  version?: string;
  license?: string;
  dependencies?: Asked;
  optionalDependencies?: Asked;
  peerDependencies?: Asked;
  devDependencies?: Asked;
}

/** A lock file of npm, or the hidden one in node_modules. */
interface Lock {
  type: 'lock';
  /** Places of what is for development only. */
  dev: string[];
  /** Version and SHA-512 (base64) of what is installed from an archive, by place. */
  archives: Record<string, [version: string, sha512: string]>;
}

type Fact = Manifest | Lock;

/** Package managers that come as packages: tools, with all that is in them. */
const TOOLS = new Set(['npm', 'corepack', 'yarn', 'pnpm', 'node-gyp']);
const SECTIONS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'] as const;
const LOCKS = new Set(['package-lock.json', 'npm-shrinkwrap.json', '.package-lock.json']);
/** In `integrity`, which may have several digests. */
const SHA512 = /(?:^|\s)sha512-([A-Za-z0-9+/]{86}==)/;
const PACKAGE = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/.@][^/]*$/;

/**
 * npm packages as Node finds them: what lies directly below a `node_modules` (or a scope in one), under npm, yarn and
 * pnpm alike, and the applications that stand around it. What a package asks for is resolved as Node does it, from its
 * real place upwards.
 */
export const npm: Catalogue<Fact> = {
  id: 'npm',

  wants(path) {
    const name = nameOf(path);
    if (LOCKS.has(name)) return 'whole';
    if (name !== 'package.json') return undefined;
    const folder = parentOf(path);
    return isPackageFolder(folder) || !folder.split('/').includes('node_modules') ? 'whole' : undefined;
  },

  read(path, content) {
    const text = content.toString('utf8');
    let value: unknown;
    try {
      value = JSON.parse(text.replace(/^\uFEFF/, ''));
    } catch {
      return undefined;
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
    return LOCKS.has(nameOf(path)) ? lock(value) : manifest(value as Record<string, unknown>, text);
  },

  own(census, facts) {
    const found = new Installed(census, facts);
    found.enterAll();
    found.resolve();
    found.ownPaths();
  },
};

function isPackageFolder(folder: string): boolean {
  return PACKAGE.test(folder);
}

function lock(value: { packages?: unknown }): Lock | undefined {
  const { packages } = value;
  if (packages === null || typeof packages !== 'object') return undefined;
  const places = Object.entries(packages as Record<string, Record<string, unknown> | null>);
  const dev = places
    .filter(([, one]) => one?.['dev'] === true || one?.['devOptional'] === true)
    .map(([place]) => place);
  const archives = places.flatMap(([place, one]): [string, [string, string]][] => {
    const { version, integrity } = one ?? {};
    const [, sha512] = (typeof integrity === 'string' && SHA512.exec(integrity)) || [];
    return typeof version !== 'string' || sha512 === undefined ? [] : [[place, [version, sha512]]];
  });
  return { type: 'lock', dev, archives: Object.fromEntries(archives) };
}

function manifest(value: Record<string, unknown>, text: string): Manifest {
  const found: Manifest = { type: 'manifest' };
  if (typeof value['name'] === 'string') found.name = value['name'];
  if (typeof value['version'] === 'string') found.version = value['version'];
  if (typeof value['license'] === 'string') found.license = value['license'];
  for (const section of SECTIONS) {
    const asked = value[section];
    if (asked === null || typeof asked !== 'object' || Array.isArray(asked)) continue;
    const lines = linesOf(text, section);
    const entries = Object.entries(asked as Record<string, unknown>)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      .map(([name, range]) => [name, [range, lines.get(name) ?? 1]] as const);
    if (entries.length > 0) found[section] = Object.fromEntries(entries.map(([n, [r, l]]) => [n, [r, l]]));
  }
  return found;
}

/** The lines on which the names of a section stand, as far as the file is written over several. */
function linesOf(text: string, section: string): Map<string, number> {
  const lines = new Map<string, number>();
  let inside = false;
  for (const [at, line] of text.split('\n').entries()) {
    if (!inside) {
      inside = line.includes(`"${section}"`);
      continue;
    }
    if (line.includes('}')) break;
    const name = /^\s*"([^"]+)"\s*:/.exec(line)?.[1];
    if (name !== undefined) lines.set(name, at + 1);
  }
  return lines;
}

interface Place {
  folder: string;
  manifest: Manifest;
  entered: Package;
  isRoot: boolean;
}

/** All packages of one image. */
class Installed {
  readonly #places = new Map<string, Place>();
  /** Folders that a lock file says are for development. */
  readonly #lockedDev = new Set<string>();
  readonly #archives = new Map<string, [version: string, sha512: string]>();
  #hasLock = false;

  constructor(
    private readonly census: Census,
    private readonly facts: ReadonlyMap<string, Fact>,
  ) {}

  enterAll(): void {
    for (const [path, fact] of this.facts) {
      if (fact.type !== 'lock') continue;
      this.#hasLock = true;
      const name = nameOf(path);
      // The hidden one is in node_modules, and names places from the folder that this is in.
      const from = name === '.package-lock.json' ? parentOf(parentOf(path)) : parentOf(path);
      for (const place of fact.dev) this.#lockedDev.add(join(from, place));
      for (const [place, archive] of Object.entries(fact.archives)) {
        this.#archives.set(join(from, place), archive);
      }
    }
    for (const [path, fact] of this.facts) {
      if (fact.type !== 'manifest') continue;
      const folder = parentOf(path);
      const isInstalled = isPackageFolder(folder);
      if (!isInstalled && !this.#isApplication(folder)) continue;
      const name = isInstalled ? installedName(folder) : (fact.name ?? (nameOf(folder) || 'app'));
      const tool = toolOf(folder);
      const version = fact.version ?? '';
      const entered = this.census.enter({
        id: `npm:${name}@${version}:/${folder}`,
        ...{ type: 'npm', name: fact.name ?? name, version, path: folder },
        kind: tool ? 'tool' : isInstalled ? 'npm' : 'application',
        purl: `pkg:npm/${(fact.name ?? name).replace('@', '%40')}${version === '' ? '' : `@${encodeURIComponent(version)}`}`,
        ...(fact.license !== undefined && { license: fact.license }),
        ...this.#sha512Of(folder, version),
      });
      this.#places.set(folder, { folder, manifest: fact, entered, isRoot: !isInstalled });
    }
  }

  /** Of the version that is there only: a lock file may be of another time. */
  #sha512Of(folder: string, version: string): { sha512?: string } {
    const [locked, sha512] = this.#archives.get(folder) ?? [];
    if (sha512 === undefined || locked !== version) return {};
    return { sha512: Buffer.from(sha512, 'base64').toString('hex') };
  }

  /** What each package asks for, and which are there for development only. */
  resolve(): void {
    const wanted = new Set<Place>();
    const roots = [...this.#places.values()].filter(({ isRoot }) => isRoot);
    for (const place of this.#places.values()) {
      const requires = new Set<string>();
      for (const section of place.isRoot ? SECTIONS : SECTIONS.slice(0, 3)) {
        for (const [name, [, line]] of Object.entries(place.manifest[section] ?? {})) {
          const found = this.find(place.folder, name);
          if (found === undefined || found === place) continue;
          requires.add(found.entered.id);
          if (place.isRoot && found.entered.askedBy === undefined) {
            found.entered.askedBy = { path: join(place.folder, 'package.json'), line };
          }
        }
      }
      if (requires.size > 0) place.entered.requires = [...requires];
    }
    if (roots.length === 0) return;
    const todo = roots.flatMap((root) => this.#asked(root, SECTIONS.slice(0, 3)));
    while (todo.length > 0) {
      const place = todo.pop()!;
      if (wanted.has(place)) continue;
      wanted.add(place);
      todo.push(...this.#asked(place, SECTIONS.slice(0, 3)));
    }
    const forDevelopment = new Set<Place>();
    const more = roots.flatMap((root) => this.#asked(root, ['devDependencies']));
    while (more.length > 0) {
      const place = more.pop()!;
      if (wanted.has(place) || forDevelopment.has(place) || place.isRoot) continue;
      forDevelopment.add(place);
      more.push(...this.#asked(place, SECTIONS.slice(0, 3)));
    }
    for (const place of this.#places.values()) {
      if (place.isRoot || place.entered.kind === 'tool') continue;
      const isDev =
        this.#hasLock && this.#lockedDev.has(place.folder) ? !wanted.has(place) : forDevelopment.has(place);
      if (isDev) Object.assign(place.entered, { dev: true, kind: 'npm-dev' });
    }
  }

  /** The package that `require(name)` finds from a folder. */
  find(folder: string, name: string): Place | undefined {
    for (let at = folder; ; at = parentOf(at)) {
      if (nameOf(at) !== 'node_modules') {
        const real = this.census.real(join(join(at, 'node_modules'), name));
        const place = real === undefined ? undefined : this.#places.get(real);
        if (place !== undefined) return place;
      }
      if (at === '') return undefined;
    }
  }

  /** Each path below a node_modules belongs to the innermost package around it. */
  ownPaths(): void {
    for (const leaf of this.census.leaves.values()) {
      if (leaf.kind !== undefined || !leaf.path.includes('node_modules/')) continue;
      const place = this.#around(leaf);
      if (place !== undefined) this.census.own(leaf, place.entered, place.entered.kind);
    }
  }

  #around(leaf: Leaf): Place | undefined {
    for (let at = parentOf(leaf.path); at !== ''; at = parentOf(at)) {
      const place = this.#places.get(at);
      if (place !== undefined && !place.isRoot) return place;
      if (nameOf(at) === 'node_modules') return this.#linkedBy(leaf);
    }
    return undefined;
  }

  /** Links to packages, and programs in `.bin`, are part of what they lead to. */
  #linkedBy(leaf: Leaf): Place | undefined {
    if (leaf.entry.type !== 'symlink') return undefined;
    for (let at = this.census.real(leaf.path) ?? ''; at !== ''; at = parentOf(at)) {
      const place = this.#places.get(at);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  #asked(place: Place, sections: readonly (typeof SECTIONS)[number][]): Place[] {
    return sections.flatMap((section) =>
      Object.keys(place.manifest[section] ?? {}).flatMap((name) => {
        // What a root asks for optionally and for development, it asks for.
        const found = this.find(place.folder, name);
        return found === undefined || found === place ? [] : [found];
      }),
    );
  }

  /** A folder with a package.json that is the root of something: packages are installed in it, or linked to it. */
  #isApplication(folder: string): boolean {
    const modules = this.census.get(join(folder, 'node_modules'));
    if (modules !== undefined) return true;
    if (folder.split('/').includes('node_modules')) return false;
    return this.#linked.has(folder);
  }

  /** Folders outside of node_modules that links in one lead to: members of a workspace. */
  get #linked(): ReadonlySet<string> {
    if (this.#links === undefined) {
      this.#links = new Set();
      for (const { path, entry } of this.census.leaves.values()) {
        if (entry.type !== 'symlink' || !isPackageFolder(path)) continue;
        const real = this.census.real(path);
        if (real !== undefined && !real.split('/').includes('node_modules')) this.#links.add(real);
      }
    }
    return this.#links;
  }
  #links: Set<string> | undefined;
}

/** The name that a package is installed under: an alias has another one in its package.json. */
function installedName(folder: string): string {
  return folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Whether a folder is that of a package manager, or inside it. */
function toolOf(folder: string): boolean {
  const [, outer] = /(?:^|\/)lib\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(folder) ?? [];
  return outer !== undefined && TOOLS.has(outer);
}
