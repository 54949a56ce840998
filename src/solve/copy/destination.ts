import { JettisonError } from '../../errors/error.ts';
import { comparePaths, parentOf, type RecipeEntry } from '../../layer/entry.ts';
import { resolvePath, type TreeEntry } from '../../layer/tree.ts';
import type { Owner } from './chown.ts';
import type { DirectoryLook, ObservedTree } from './observed-tree.ts';

/** Mode, owner and time of directories that a step creates implicitly. */
export interface MadeDirectory extends Owner {
  mode: number;
  /** Seconds since 1970. */
  time: number;
}

interface Time {
  mtime: number;
  mtimeNs?: number;
}

/** A file as it was written, before hard links are resolved. */
interface Written {
  entry: RecipeEntry;
  /** Equal for names of one file. */
  file?: object;
}

/**
 * The tree that a step writes to: written entries cover those of the image, which are read through an `ObservedTree` only.
 * `entries` returns the layer.
 */
export class Destination {
  readonly #tree: ObservedTree;
  readonly #written = new Map<string, Written>();
  /** Unchanged directories of the tree that the layer repeats as parents of its entries. */
  readonly #kept = new Map<string, DirectoryLook>();
  /** Replaced directories of the tree: their content is hidden. */
  readonly #replaced = new Set<string>();
  readonly #touched = new Map<string, Time>();
  readonly #time: number;

  /** @param time of the tree's directories that the layer repeats: seconds since 1970 */
  constructor(tree: ObservedTree, time: number) {
    this.#tree = tree;
    this.#time = time;
  }

  isDirectory(path: string): boolean {
    const written = this.#written.get(path)?.entry;
    if (written !== undefined) return written.type === 'directory';
    return !this.#isGone(path) && this.#tree.isDirectory(path);
  }

  /** Whether the path exists and is not a directory. */
  isObstructed(path: string): boolean {
    const written = this.#written.get(path)?.entry;
    if (written !== undefined) return written.type !== 'directory';
    return !this.#isGone(path) && this.#tree.isObstructed(path);
  }

  /** Whether the step itself has written an entry there that is not a directory. */
  wroteObstacle(path: string): boolean {
    const written = this.#written.get(path)?.entry;
    return written !== undefined && written.type !== 'directory';
  }

  /** As `resolvePath`, in the present tree. @returns a path, which need not exist */
  resolve(path: string): string {
    const get = (at: string) => {
      const link = this.#linkAt(at);
      return link === undefined ? undefined : ({ path: at, type: 'symlink', link } as TreeEntry);
    };
    return resolvePath({ get, children: () => [] }, path).path;
  }

  /** Creates a directory and its parents if missing. @param path resolved */
  makeDirectories(path: string, made: MadeDirectory): void {
    if (path === '') return;
    if (this.isDirectory(path)) {
      this.keep(path);
      return;
    }
    if (this.isObstructed(path)) {
      throw new JettisonError('COPY_CONFLICT', `/${path} in the image is not a directory`, {
        hint: 'Choose another destination, or remove the file in a RUN before.',
      });
    }
    this.makeDirectories(parentOf(path), made);
    const { mode, uid, gid, time } = made;
    this.write({ path, type: 'directory', mode, uid, gid, size: 0, mtime: time });
  }

  /** Adds an unchanged directory of the tree to the layer. Does nothing for directories that the step created. */
  keep(path: string): void {
    if (path === '' || this.#written.has(path) || this.#kept.has(path)) return;
    this.#kept.set(path, this.#tree.lookAt(path));
    this.keep(parentOf(path));
  }

  /** Sets the time of a created or kept directory, as a copy into it does. */
  touch(path: string, { mtime, mtimeNs }: Time): void {
    const time: Time = mtimeNs === undefined ? { mtime } : { mtime, mtimeNs };
    const written = this.#written.get(path)?.entry;
    if (written !== undefined) Object.assign(written, time);
    else this.#touched.set(path, time);
  }

  /** Writes an entry, which may replace one that is not a directory. Its parent must exist. */
  write(entry: RecipeEntry, file?: object): void {
    this.#kept.delete(entry.path);
    if (entry.path !== '') this.keep(parentOf(entry.path));
    this.#written.set(entry.path, file === undefined ? { entry } : { entry, file });
  }

  /** Removes a directory with everything below it, before another entry is written there. */
  replaceDirectory(path: string): void {
    const below = `${path}/`;
    for (const known of [this.#written, this.#kept]) {
      for (const at of [...known.keys()]) if (at === path || at.startsWith(below)) known.delete(at);
    }
    this.#replaced.add(path);
  }

  /** The layer: written entries and their parent directories, in canonical order. */
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

  #linkAt(path: string): string | undefined {
    const written = this.#written.get(path)?.entry;
    if (written !== undefined) return written.type === 'symlink' ? written.link : undefined;
    return this.#isGone(path) ? undefined : this.#tree.linkAt(path);
  }

  /** Whether a parent of the path was replaced. */
  #isGone(path: string): boolean {
    if (this.#replaced.size === 0) return false;
    for (let at = path; at !== ''; at = parentOf(at)) if (this.#replaced.has(at)) return true;
    return false;
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
