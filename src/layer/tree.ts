import { JettisonError } from '../errors/error.ts';
import { type Entry, join, type Source } from './entry.ts';

/** An entry seen through a tree. Hard links appear as the file that they name. */
export interface TreeEntry extends Entry {
  type: Exclude<Entry['type'], 'whiteout' | 'hardlink'>;
  /** Where a file's bytes are. */
  source?: Source;
  /** Equal for the names of one file (hard links); absent where a file has one name. */
  inode?: string;
}

/**
 * A file system that can be looked at: a build context, or the merged view of an image's layers read from
 * their indexes. Looking never follows symlinks; use `resolvePath` for that. Paths are as in `Entry`.
 */
export interface Tree {
  /** The entry at exactly this path; undefined if there is none, or if a parent is not a directory. */
  get(path: string): TreeEntry | undefined;
  /** Names directly inside a directory, in canonical order; empty if it is not one. */
  children(path: string): string[];
  /** Everything below a directory in canonical order, where the tree has a quicker way than asking one by one. */
  below?(path: string): Iterable<TreeEntry>;
}

/** Everything below a directory, in canonical order: parents before what is in them. */
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
  /** Absent when nothing is there (then `path` is where it would be). */
  entry?: TreeEntry;
}

const MAX_LINKS = 255;

/**
 * Resolves a path inside a tree as the kernel would inside a chroot: symlinks are followed, absolute ones
 * start at the tree's root, `..` stops at the root. Components below something missing are kept as written.
 *
 * @param path `/`-separated, absolute or relative to the root; may hold `.`, `..` and empty components
 * @param followLast whether a symlink in the last component is followed, too (default true)
 * @throws JettisonError `SYMLINK_LOOP` after 255 links
 */
export function resolvePath(tree: Tree, path: string, followLast = true): ResolvedPath {
  let links = 0;
  let todo = path.split('/').reverse();
  let at = '';
  while (todo.length > 0) {
    const name = todo.pop()!;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
      continue;
    }
    const next = join(at, name);
    const entry = tree.get(next);
    const last = todo.every((rest) => rest === '' || rest === '.');
    if (entry?.type === 'symlink' && (followLast || !last)) {
      if (++links > MAX_LINKS) {
        throw new JettisonError('SYMLINK_LOOP', `too many symbolic links while resolving /${path}`);
      }
      if (entry.link!.startsWith('/')) at = '';
      todo = [...todo, ...entry.link!.split('/').reverse()];
    } else {
      at = next;
    }
  }
  const entry = tree.get(at);
  return entry === undefined ? { path: at } : { path: at, entry };
}
