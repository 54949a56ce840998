import { JettisonError } from '../errors/error.ts';
import { type Entry, join, parentOf, type Source } from './entry.ts';

/** An entry seen through a tree. Hard links appear as the file that they name. */
export interface TreeEntry extends Entry {
  type: Exclude<Entry['type'], 'whiteout' | 'hardlink'>;
  /** Source of a file's content. */
  source?: Source;
  /** Equal for the names of one file (hard links); absent where a file has one name. */
  inode?: string;
}

/**
 * A read-only file system: a build context, or the merged view of an image's layers. Methods do not follow symlinks; see
 * `resolvePath`. Paths are as in `Entry`.
 */
export interface Tree {
  /** The entry at exactly this path; undefined if there is none, or if a parent is not a directory. */
  get(path: string): TreeEntry | undefined;
  /** Names in a directory, in canonical order; empty if the path is not a directory. */
  children(path: string): string[];
  /** Everything below a directory, in canonical order: implemented if quicker than `children` and `get`. */
  below?(path: string): Iterable<TreeEntry>;
}

/** Everything below a directory, in canonical order: parents before their children. */
export function* below(tree: Tree, path: string): Iterable<TreeEntry> {
  if (tree.below !== undefined) {
    yield* tree.below(path);
    return;
  }
  for (const name of tree.children(path)) {
    const entry = tree.get(join(path, name));
    if (entry === undefined) continue;
    yield entry;
    if (entry.type === 'directory') yield* below(tree, entry.path);
  }
}

/** A path with every symlink resolved inside the root. */
export interface ResolvedPath {
  path: string;
  /** Absent when the path does not exist. */
  entry?: TreeEntry;
}

/** As many as Docker follows. */
const MAX_LINKS = 255;

/** How `followPath` sees a file system. */
export interface Way {
  /** The target of a symlink; undefined for everything else. */
  linkAt(path: string): string | undefined;
  /** Whether something may be below a path: without it components below what is missing are kept as written. */
  isDirectory?(path: string): boolean;
  maxLinks: number;
}

/**
 * Where a path leads as in a chroot: symlinks are followed, absolute ones start at the root, `..` stops at the root.
 *
 * @param path `/`-separated, absolute or relative to the root; may hold `.`, `..` and empty components
 * @param followLast whether a symlink in the last component is followed, too
 * @returns undefined after too many links, or where nothing can be below what is on the way
 */
export function followPath(path: string, followLast: boolean, way: Way): string | undefined {
  const todo = path.split('/').reverse();
  let links = 0;
  let at = '';
  while (todo.length > 0) {
    const name = todo.pop()!;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at = parentOf(at);
      continue;
    }
    const next = join(at, name);
    const isLast = todo.every((rest) => rest === '' || rest === '.');
    const link = followLast || !isLast ? way.linkAt(next) : undefined;
    if (link === undefined) {
      if (!isLast && way.isDirectory?.(next) === false) return undefined;
      at = next;
      continue;
    }
    if (++links > way.maxLinks) return undefined;
    if (link.startsWith('/')) at = '';
    todo.push(...link.split('/').reverse());
  }
  return at;
}

/**
 * Resolves a path inside a tree. Components below something missing are kept as written.
 *
 * @param path as in `followPath`
 * @param followLast whether a symlink in the last component is followed, too (default true)
 * @throws JettisonError `SYMLINK_LOOP` after 255 links
 */
export function resolvePath(tree: Tree, path: string, followLast = true): ResolvedPath {
  const linkAt = (at: string) => {
    const entry = tree.get(at);
    return entry?.type === 'symlink' ? entry.link : undefined;
  };
  const at = followPath(path, followLast, { linkAt, maxLinks: MAX_LINKS });
  if (at === undefined) {
    throw new JettisonError('SYMLINK_LOOP', `too many symbolic links while resolving /${path}`);
  }
  const entry = tree.get(at);
  return entry === undefined ? { path: at } : { path: at, entry };
}
