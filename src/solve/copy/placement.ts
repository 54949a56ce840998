import { posix } from 'node:path';
import { JettisonError } from '../../errors/error.ts';
import { join, nameOf, parentOf, type RecipeEntry } from '../../layer/entry.ts';
import type { Tree } from '../../layer/tree.ts';
import type { Owner } from './chown.ts';
import { Destination, type MadeDirectory } from './destination.ts';
import type { ModeChange } from './mode.ts';
import { ObservedTree } from './observed-tree.ts';
import { copied, type SelectedEntry, type SelectedSource, type Selection } from './selection.ts';

export interface PlaceOptions {
  /** Absolute; a trailing slash says that it is a directory. */
  path: string;
  /** `--chown`, as ids; absent: owners are kept. */
  owner?: Owner;
  /** `--chmod`; absent: modes are kept. */
  mode?: ModeChange;
  /** Time of directories that the step makes or repeats: seconds since 1970, default 0. */
  time?: number;
  /** A directory brings not only its contents, but its mode and owner: a mount shows the directory itself. */
  itself?: boolean;
}

/** What a copy found below that made a difference: with the selection and the options, its whole outcome. */
export interface CopyObservations {
  /** Answers of the `ObservedTree`, by path. */
  below: Record<string, string>;
  /** The owner as ids, where it was not to be kept. */
  owner?: string;
}

export interface Placed {
  observations: CopyObservations;
  /** Where each source went, symlinks followed; without the leading slash. */
  targets: string[];
  /** The layer, in canonical order. Files have a `source`. */
  entries: RecipeEntry[];
}

/**
 * The destination side of COPY and ADD: what the layer holds that copies a selection into a tree. The layer
 * depends on the selection, the options and the observations, on nothing else: in particular on no time of
 * the tree, so that directories which it repeats have `time` as theirs.
 *
 * @throws JettisonError `COPY_CONFLICT` for a directory over a file or a file over a directory
 */
export function placeCopy(selection: Selection, tree: Tree, options: PlaceOptions): Placed {
  const observed = new ObservedTree(tree);
  const destination = new Destination(observed, options.time ?? 0);
  const copy = new Copy(destination, options);
  const targets = selection.sources.map((source) => copy.place(source));
  return { observations: observations(observed, options.owner), targets, entries: destination.entries() };
}

/**
 * What WORKDIR's layer holds: the directory and its parents, 0755, where they are missing. No entries when
 * everything is there.
 *
 * @param options.time of directories that are made or repeated: seconds since 1970, default 0
 * @param options.owner whose made directories are: USER's at that point. Only asked when there is something to make
 * @throws JettisonError `COPY_CONFLICT` when a file is in the way
 */
export async function placeDirectory(
  tree: Tree,
  path: string,
  options: { time?: number; owner?: () => Promise<Owner> } = {},
): Promise<Placed> {
  const observed = new ObservedTree(tree);
  const { time = 0 } = options;
  const destination = new Destination(observed, time);
  const target = destination.resolve(path);
  if (destination.isDirectory(target)) {
    return { observations: observations(observed), targets: [target], entries: [] };
  }
  const owner = await options.owner?.();
  destination.makeDirectories(target, { mode: 0o755, uid: 0, gid: 0, ...owner, time });
  return {
    observations: observations(observed, owner),
    targets: [target],
    entries: destination.entries(),
  };
}

function observations({ facts: below }: ObservedTree, owner?: Owner): CopyObservations {
  return owner === undefined ? { below } : { below, owner: `${owner.uid}:${owner.gid}` };
}

/** One COPY while it goes on. */
class Copy {
  readonly #made: MadeDirectory;

  constructor(
    readonly destination: Destination,
    readonly options: PlaceOptions,
  ) {
    const { owner, mode, time } = options;
    // Directories on the way get an octal mode, but a symbolic one has nothing there to change.
    this.#made = { mode: mode?.octal ?? 0o755, uid: 0, gid: 0, ...owner, time: time ?? 0 };
  }

  /** @returns where the source went */
  place(source: SelectedSource): string {
    const path = posix.normalize(this.options.path);
    if (source.kind === 'archive') return this.#extract(source, path);
    const { destination } = this;
    // What stands before the last slash is a directory, whatever is copied.
    const ahead = path.slice(0, path.lastIndexOf('/') + 1);
    destination.makeDirectories(destination.resolve(ahead), this.#made);
    const resolved = destination.resolve(path);
    const entersIt = source.kind === 'file' && destination.isDirectory(resolved);
    const target = entersIt ? join(resolved, source.name) : resolved;
    if (source.kind === 'file') {
      destination.makeDirectories(parentOf(target), this.#made);
      this.#file(source.entries[0]!, target, {});
      // A file that comes after a directory's contents: the time that these gave is not its time any more.
      destination.touch(parentOf(target), { mtime: this.#made.time });
    } else {
      this.#contents(source, target);
    }
    return target;
  }

  /** A directory's contents. In a COPY, the directory itself gives the target its time, but neither mode nor owner. */
  #contents(source: SelectedSource, target: string): void {
    const { destination } = this;
    if (destination.isObstructed(target)) throw overFile(target);
    destination.makeDirectories(target, this.#made);
    const files = new Map<string, object>();
    for (const selected of source.entries) {
      if (selected.path === '') continue;
      const path = join(target, selected.path);
      if (selected.entry.type === 'directory') this.#directory(selected, path);
      else this.#file(selected, path, fileOf(selected, files));
    }
    const [root] = source.entries;
    // The root of a context, stage or image has no time of its own.
    const isRoot = root!.entry.path === '';
    if (this.options.itself && !isRoot) destination.write(this.#entry(root!, target));
    if (!root!.lead) destination.touch(target, isRoot ? { mtime: this.#made.time } : root!.entry);
  }

  #directory(selected: SelectedEntry, path: string): void {
    if (this.destination.isObstructed(path)) throw overFile(path);
    if (selected.lead && this.destination.isDirectory(path)) this.destination.keep(path);
    else this.destination.write(this.#entry(selected, path));
  }

  #file(selected: SelectedEntry, path: string, file: object): void {
    if (this.destination.isDirectory(path)) {
      throw new JettisonError(
        'COPY_CONFLICT',
        `/${path} is a directory in the image: a file cannot replace it`,
        {
          hint: 'Choose another destination, or remove the directory in a RUN before.',
        },
      );
    }
    this.destination.write(this.#entry(selected, path), file);
  }

  /**
   * An archive's members: they replace what is in their way, except that a directory goes into one that is
   * there. Symlinks on the way to a member are followed. `--chmod` does not count.
   */
  #extract(source: SelectedSource, path: string): string {
    const { destination } = this;
    const made = { ...this.#made, mode: 0o755 };
    const base = destination.resolve(path);
    destination.makeDirectories(base, made);
    const files = new Map<string, object>();
    for (const selected of source.entries) {
      const parent = destination.resolve(join(base, parentOf(selected.path)));
      // Directories that the archive does not list itself are root's, whatever --chown says.
      destination.makeDirectories(parent, { ...made, uid: 0, gid: 0 });
      const target = join(parent, nameOf(selected.path));
      const entry = this.#entry(selected, target, false);
      if (entry.type === 'directory') {
        // What an earlier archive put in the way may itself have replaced a directory of the image.
        if (destination.wroteObstacle(target)) entry.opaque = true;
        destination.write(entry);
      } else {
        if (destination.isDirectory(target)) destination.replaceDirectory(target);
        destination.write(entry, fileOf(selected, files));
      }
    }
    return base;
  }

  #entry(selected: SelectedEntry, path: string, chmod = true): RecipeEntry {
    const { owner, mode } = this.options;
    const { link, ...rest } = selected;
    const entry: RecipeEntry = { ...copied(rest), path, ...owner };
    if (mode !== undefined && chmod && entry.type !== 'symlink') {
      entry.mode = mode.apply(entry.mode, entry.type === 'directory');
    }
    return entry;
  }
}

/** The same object for all names of one file within a source. */
function fileOf({ path, link }: SelectedEntry, files: Map<string, object>): object {
  const first = link ?? path;
  let file = files.get(first);
  if (file === undefined) {
    file = {};
    files.set(first, file);
  }
  return file;
}

function overFile(path: string): JettisonError {
  return new JettisonError(
    'COPY_CONFLICT',
    `/${path} in the image is not a directory, and a directory cannot replace it`,
    {
      hint: 'Choose another destination, or remove what is there in a RUN before.',
    },
  );
}
