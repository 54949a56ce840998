import { JettisonError } from '../errors/error.ts';
import { checkLimit } from '../errors/limits.ts';
import { comparePaths, join, type RecipeEntry } from './entry.ts';
import type { TarHeader } from './tar-read.ts';
import { readMarker } from './whiteouts.ts';

const MAX_LINKS = 255;

/** A file with all its names: everything but the path. */
interface Inode {
  facts: Omit<RecipeEntry, 'path'>;
  /** Whether it has, or had, several names. */
  isLinked?: true;
}

interface Directory {
  /** Absent while the directory is only implied by its children. */
  facts?: Omit<RecipeEntry, 'path'>;
  children: Map<string, Inode | Directory>;
  /** Names that whiteouts hide in the layers below. */
  hidden: Set<string>;
}

/** The path of an archive's member, and the operations that it needs on disk. */
export interface Placement {
  /**
   * Clean, with symlinks of the archive's own directories followed: all parents are directories. Absent for members
   * without a path of their own: whiteout markers, and a root that is not a directory.
   */
  path?: string;
  /** Directories to make first, in this order. */
  parents: string[];
  /** An existing entry (another type, or an earlier file) must be deleted first, with everything below it. */
  replaces: boolean;
  /** Hard links: path and type of the existing file. */
  linkTo?: { path: string; type: RecipeEntry['type'] };
  /** Sets the digest of a file's content, once it is known. */
  content(digest: string): void;
}

/**
 * The tree that an archive unpacks to, in memory: members are merged in order, as Docker unpacks them. Later members
 * replace earlier ones (directories merge), names are resolved through the archive's own symlinks, and no name leads
 * out of the root.
 */
export class ArchiveTree {
  readonly #root: Directory = { children: new Map(), hidden: new Set() };
  readonly #whiteouts: boolean;
  /** Number of implied directories. */
  #implied = 0;

  /** @param options.whiteouts whether `.wh.` names are deletions (image layers) or ordinary files */
  constructor(options: { whiteouts: boolean }) {
    this.#whiteouts = options.whiteouts;
  }

  /**
   * Merges one member.
   *
   * @throws JettisonError `TAR_ESCAPES` for a name or hard link outside the root
   * @throws JettisonError `TAR_INVALID` for a hard link to nothing, or a name below a file
   */
  add(header: TarHeader): Placement {
    const names = cleanName(header.name);
    const name = names.pop();
    if (name === undefined) return this.#addRoot(header);
    const parents: string[] = [];
    const { directory, path: parent } = this.#enter(names, header.name, parents)!;

    const marker = this.#whiteouts ? readMarker(name) : undefined;
    if (marker !== undefined) {
      if (marker.kind === 'opaque') directory.facts = { ...(directory.facts ?? IMPLIED), opaque: true };
      if (marker.kind === 'whiteout') directory.hidden.add(marker.name);
      return { parents, replaces: false, content: nothing };
    }
    const path = join(parent, name);
    const existing = directory.children.get(name);
    if (header.type === 'hardlink') return this.#addLink(header, directory, name, path, parents);
    if (header.type === 'directory') {
      if (existing !== undefined && 'children' in existing) {
        const opaque = existing.facts?.opaque;
        existing.facts = { ...factsOf(header), ...(opaque ? { opaque } : {}) };
        return { path, parents, replaces: false, content: nothing };
      }
      directory.children.set(name, { facts: factsOf(header), children: new Map(), hidden: new Set() });
      return { path, parents, replaces: existing !== undefined, content: nothing };
    }
    const inode: Inode = { facts: factsOf(header) };
    directory.children.set(name, inode);
    return {
      path,
      parents,
      replaces: existing !== undefined,
      content: (digest) => {
        inode.facts = compact({ ...inode.facts, digest });
      },
    };
  }

  /** All entries, in canonical order. Of a file's names the first is the file, the others are hard links. */
  *entries(): Generator<RecipeEntry> {
    yield* this.#list(this.#root, '', new Map());
  }

  /** Directories that are only implied, in canonical order. */
  *implied(): Generator<string> {
    yield* impliedBelow(this.#root, '');
  }

  #addRoot(header: TarHeader): Placement {
    // The root exists before the first member, and stays a directory: Docker ignores other members at its path.
    if (header.type !== 'directory') return { parents: [], replaces: false, content: nothing };
    const opaque = this.#root.facts?.opaque;
    this.#root.facts = { ...factsOf(header), ...(opaque ? { opaque } : {}) };
    return { path: '', parents: [], replaces: false, content: nothing };
  }

  #addLink(
    header: TarHeader,
    directory: Directory,
    name: string,
    path: string,
    parents: string[],
  ): Placement {
    const names = cleanName(header.link!);
    const last = names.pop();
    const found = last === undefined ? undefined : this.#enter(names, header.link!);
    const target = found?.directory.children.get(last!);
    if (target === undefined || 'children' in target) {
      const what = target === undefined ? 'is not in the archive before it' : 'is a directory';
      throw invalid(`"${header.name}" is a hard link to "${header.link}", which ${what}`);
    }
    const existing = directory.children.get(name);
    const { type, size, mtime: _, mtimeNs: __, ...kept } = target.facts;
    const { uid, gid, mtime, mtimeNs } = header;
    const mode = type === 'symlink' ? kept.mode : header.mode;
    target.facts = { ...kept, type, size, mode, uid, gid, mtime, ...(mtimeNs ? { mtimeNs } : {}) };
    target.isLinked = true;
    directory.children.set(name, target);
    return {
      path,
      parents,
      replaces: existing !== undefined && existing !== target,
      linkTo: { path: join(found!.path, last!), type },
      content: nothing,
    };
  }

  /**
   * Walks into a directory through the archive's own symlinks. With `parents`, what is missing is made (and
   * noted there); without, undefined says that it is missing.
   */
  #enter(
    names: string[],
    shown: string,
    parents?: string[],
  ): { directory: Directory; path: string } | undefined {
    let stack: { directory: Directory; path: string }[] = [{ directory: this.#root, path: '' }];
    const todo = [...names].reverse();
    let links = 0;
    while (todo.length > 0) {
      const name = todo.pop()!;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (stack.length > 1) stack.pop();
        continue;
      }
      const { directory, path } = stack.at(-1)!;
      let child = directory.children.get(name);
      if (child === undefined) {
        if (parents === undefined) return undefined;
        checkLimit('archive-entries', ++this.#implied, 'the archive');
        child = { children: new Map(), hidden: new Set() };
        directory.children.set(name, child);
        parents.push(join(path, name));
      }
      if ('children' in child) {
        stack.push({ directory: child, path: join(path, name) });
      } else if (child.facts.type === 'symlink') {
        if (++links > MAX_LINKS) throw invalid(`"${shown}" leads through a loop of symbolic links`);
        const target = child.facts.link!;
        if (target.startsWith('/')) stack = [stack[0]!];
        todo.push(...target.split('/').reverse());
      } else {
        if (parents === undefined) return undefined;
        throw invalid(`"${shown}" is below "${join(path, name)}", which is not a directory`);
      }
    }
    return stack.at(-1);
  }

  *#list(directory: Directory, path: string, seen: Map<Inode, string>): Generator<RecipeEntry> {
    if (directory.facts !== undefined) yield { path, ...directory.facts };
    // Only implied by a marker without effect: not listed otherwise.
    else if (path !== '' && directory.children.size + directory.hidden.size === 0) yield { path, ...IMPLIED };
    const names = new Set([...directory.children.keys(), ...directory.hidden]);
    for (const name of [...names].sort(comparePaths)) {
      const child = directory.children.get(name);
      const at = join(path, name);
      if (child === undefined) {
        yield { path: at, type: 'whiteout', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };
      } else if ('children' in child) {
        // Deleted and created again in the same layer.
        if (directory.hidden.has(name)) child.facts = { ...(child.facts ?? IMPLIED), opaque: true };
        yield* this.#list(child, at, seen);
      } else if (child.facts.type === 'file' && seen.has(child)) {
        yield { path: at, ...child.facts, type: 'hardlink', link: seen.get(child)! };
      } else {
        if (child.isLinked) seen.set(child, at);
        yield { path: at, ...child.facts };
      }
    }
  }
}

const IMPLIED: Omit<RecipeEntry, 'path'> = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
};

const nothing = () => {};

/** Copies the facts: an object made at once takes half the memory of one that grew, and there is one per file. */
function compact(facts: Omit<RecipeEntry, 'path'>): Omit<RecipeEntry, 'path'> {
  const { type, mode, uid, gid, size, mtime, digest } = facts;
  return Object.keys(facts).length === 7 && digest !== undefined
    ? { type, mode, uid, gid, size, mtime, digest }
    : facts;
}

function* impliedBelow(directory: Directory, path: string): Generator<string> {
  if (directory.facts === undefined && path !== '') yield path;
  for (const [name, child] of directory.children) {
    if ('children' in child) yield* impliedBelow(child, join(path, name));
  }
}

function factsOf(header: TarHeader): Omit<RecipeEntry, 'path'> {
  const { name: _, ...facts } = header;
  return { ...facts, mode: header.type === 'symlink' ? 0o777 : header.mode };
}

/** The components of a name, cleaned lexically (before resolving symlinks). */
function cleanName(name: string): string[] {
  if (name.includes('\0')) throw invalid('a name contains a NUL byte');
  const names: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') names.push(part);
    else if (names.length > 0) names.pop();
    else if (!name.startsWith('/')) {
      throw new JettisonError('TAR_ESCAPES', `the archive's member "${name}" lies outside of its root`, {
        hint: 'Create the archive again without "../" in its names.',
      });
    }
  }
  return names;
}

function invalid(what: string): JettisonError {
  return new JettisonError('TAR_INVALID', `cannot unpack the archive: ${what}`);
}
