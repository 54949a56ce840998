import { JettisonError } from '../../errors/error.ts';
import { comparePaths, parentOf, type RecipeEntry } from '../../layer/entry.ts';
import { type ResolvedPath, resolvePath, type Tree, type TreeEntry } from '../../layer/tree.ts';
import type { Owner } from './chown.ts';

/** How directories that a step makes by itself look. */
export interface MadeDirectory extends Owner {
  mode: number;
  /** Seconds since 1970. */
  time: number;
}

interface Time {
  mtime: number;
  mtimeNs?: number;
}

/** A file as it was written, before hard links are told apart. */
interface Written {
  entry: RecipeEntry;
  /** Equal for names of one file. */
  file?: object;
}

/**
 * An image's tree that a step writes to: what is written covers what was there. Keeps note of everything that
 * was found there and made a difference, for the key, and gives the layer's entries in the end.
 */
export class Destination {
  readonly #tree: Tree;
  readonly #written = new Map<string, Written>();
  /** Directories of the tree that stay as they are, but must be in the layer, since it has things below them. */
  readonly #kept = new Map<string, TreeEntry>();
  /** Made by this step where nothing was: nothing of the tree is below them. */
  readonly #fresh = new Set<string>();
  readonly #touched = new Map<string, Time>();
  readonly #time: number;

  /** @param time of the tree's directories that the layer repeats: seconds since 1970 */
  constructor(tree: Tree, time: number) {
    this.#tree = tree;
    this.#time = time;
  }

  get(path: string): TreeEntry | undefined {
    const written = this.#written.get(path)?.entry;
    if (written !== undefined)
      return written.type === 'hardlink' ? { ...written, type: 'file' } : (written as TreeEntry);
    return this.#fresh.has(parentOf(path)) ? undefined : this.#tree.get(path);
  }

  /** Whether the step itself has written this path. */
  wrote(path: string): boolean {
    return this.#written.has(path);
  }

  /** As `resolvePath`, in the tree as it is by now. */
  resolve(path: string): ResolvedPath {
    return resolvePath({ get: (at) => this.get(at), children: () => [] }, path);
  }

  /** Makes a directory and its parents where they are missing. @param path resolved */
  makeDirectories(path: string, made: MadeDirectory): void {
    if (path === '') return;
    const found = this.get(path);
    if (found?.type === 'directory') {
      this.keep(path);
      return;
    }
    if (found !== undefined) {
      throw new JettisonError('COPY_CONFLICT', `/${path} is no directory in the image`, {
        hint: 'Choose another destination, or remove the file in a RUN before.',
      });
    }
    this.makeDirectories(parentOf(path), made);
    const { mode, uid, gid, time } = made;
    this.writeDirectory({ path, type: 'directory', mode, uid, gid, size: 0, mtime: time });
  }

  /** Notes that a directory of the tree was found and stays. Does nothing for those that the step made. */
  keep(path: string): void {
    if (path === '' || this.#written.has(path) || this.#kept.has(path)) return;
    const found = this.#tree.get(path);
    if (found?.type !== 'directory') throw new Error(`no directory to keep: ${path}`);
    this.#kept.set(path, found);
    this.keep(parentOf(path));
  }

  /** Sets the time of a directory that was made or kept, as a copy into it does. */
  touch(path: string, { mtime, mtimeNs }: Time): void {
    const time: Time = mtimeNs === undefined ? { mtime } : { mtime, mtimeNs };
    const written = this.#written.get(path)?.entry;
    if (written !== undefined) Object.assign(written, time);
    else this.#touched.set(path, time);
  }

  /** Puts an entry where nothing, or something that it may cover, is. Its parent must exist. */
  write(entry: RecipeEntry, file?: object): void {
    this.#kept.delete(entry.path);
    if (entry.path !== '') this.keep(parentOf(entry.path));
    this.#written.set(entry.path, file === undefined ? { entry } : { entry, file });
  }

  /** Makes a directory, or gives one that is there another look. Its parent must exist. */
  writeDirectory(entry: RecipeEntry): void {
    const found = this.get(entry.path);
    if (found === undefined) this.#fresh.add(entry.path);
    this.write(entry);
  }

  /**
   * Takes away what is at a path, and below it. Only what the step wrote itself has to go: the tree's own is
   * covered by whatever is written next.
   */
  clear(path: string): void {
    const below = `${path}/`;
    for (const known of [this.#written, this.#kept, this.#fresh]) {
      for (const at of [...known.keys()]) if (at === path || at.startsWith(below)) known.delete(at);
    }
  }

  /** The directories of the tree that stay, with what the layer repeats of them: part of the key. */
  get kept(): Record<string, string> {
    return Object.fromEntries(
      [...this.#kept]
        .sort(([a], [b]) => comparePaths(a, b))
        .map(([path, { mode, uid, gid, xattrs }]) => {
          const text = `${mode.toString(8).padStart(4, '0')} ${uid}:${gid}`;
          return [path, xattrs === undefined ? text : `${text} ${JSON.stringify(xattrs)}`];
        }),
    );
  }

  /** The layer: what was written, and the directories above it, in canonical order. */
  entries(): RecipeEntry[] {
    const all: Written[] = [...this.#written.values()];
    for (const [path, { mode, uid, gid, xattrs }] of this.#kept) {
      const time = this.#touched.get(path) ?? { mtime: this.#time };
      const entry: RecipeEntry = { path, type: 'directory', mode, uid, gid, size: 0, ...time };
      if (xattrs !== undefined) entry.xattrs = xattrs;
      all.push({ entry });
    }
    all.sort((a, b) => comparePaths(a.entry.path, b.entry.path));
    return linkNames(all);
  }
}

/** The first name of a file is the file, the others are hard links to it. */
function linkNames(all: Written[]): RecipeEntry[] {
  const firstNames = new Map<object, string>();
  return all.map(({ entry, file }) => {
    if (file === undefined) return entry;
    const first = firstNames.get(file);
    if (first === undefined) {
      firstNames.set(file, entry.path);
      return entry;
    }
    const { source: _thatOfTheFile, ...rest } = entry;
    return { ...rest, type: 'hardlink', link: first };
  });
}
