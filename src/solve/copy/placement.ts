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
  /** Absolute; a trailing slash means a directory. */
  path: string;
  /** `--chown`, as ids; absent: owners are kept. */
  owner?: Owner;
  /** `--chmod`; absent: modes are kept. */
  mode?: ModeChange;
  /** Time of created and repeated directories: seconds since 1970, default 0. */
  time?: number;
  /** For mounts: a source directory sets also the mode and owner of the target. */
  itself?: boolean;
}

/** The observations of a copy: with the selection and the options they determine its whole result. */
export interface CopyObservations {
  /** Answers of the `ObservedTree`, by path. */
  below: Record<string, string>;
  /** The owner as ids, if `--chown` was given. */
  owner?: string;
}

export interface Placed {
  observations: CopyObservations;
  /** Target path of each source, with symlinks resolved and without the leading slash. */
  targets: string[];
  /** The layer, in canonical order. Files have a `source`. */
  entries: RecipeEntry[];
}

/**
 * The destination side of COPY and ADD: the layer that copies a selection into a tree. It depends on the selection, the
 * options and the observations only; not on times of the tree, so repeated directories get the time `options.time`.
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
 * The layer of WORKDIR: the missing directories of a path, 0755. No entries if all exist.
 *
 * @param options.time of created and repeated directories: seconds since 1970, default 0
 * @param options.owner owner of created directories, that of USER; called only if one is created
 * @throws JettisonError `COPY_CONFLICT` when a part of the path is not a directory
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

/** The state of one COPY. */
class Copy {
  readonly #made: MadeDirectory;

  constructor(
    readonly destination: Destination,
    readonly options: PlaceOptions,
  ) {
    const { owner, mode, time } = options;
    // Created directories get an octal mode; a symbolic one has no mode to change.
    this.#made = { mode: mode?.octal ?? 0o755, uid: 0, gid: 0, ...owner, time: time ?? 0 };
  }

  /** @returns the source's target path */
  place(source: SelectedSource): string {
    const path = posix.normalize(this.options.path);
    if (source.kind === 'archive') return this.#extract(source, path);
    const { destination } = this;
    // The part before the last slash is always a directory.
    const ahead = path.slice(0, path.lastIndexOf('/') + 1);
    destination.makeDirectories(destination.resolve(ahead), this.#made);
    const resolved = destination.resolve(path);
    const entersIt = source.kind === 'file' && destination.isDirectory(resolved);
    const target = entersIt ? join(resolved, source.name) : resolved;
    if (source.kind === 'file') {
      destination.makeDirectories(parentOf(target), this.#made);
      this.#file(source.entries[0]!, target, {});
      // A file after a directory's contents changes the target's time again.
      destination.touch(parentOf(target), { mtime: this.#made.time });
    } else {
      this.#contents(source, target);
    }
    return target;
  }

  /** Copies a directory's contents. In a COPY the target gets the directory's time, but neither its mode nor its owner. */
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
   * Extracts an archive: members replace existing entries, directories are merged. Symlinks in a member's parents are
   * followed. `--chmod` has no effect.
   */
  #extract(source: SelectedSource, path: string): string {
    const { destination } = this;
    const made = { ...this.#made, mode: 0o755 };
    const base = destination.resolve(path);
    destination.makeDirectories(base, made);
    const files = new Map<string, object>();
    for (const selected of source.entries) {
      const parent = destination.resolve(join(base, parentOf(selected.path)));
      // Directories that the archive does not list belong to root, regardless of --chown.
      destination.makeDirectories(parent, { ...made, uid: 0, gid: 0 });
      const target = join(parent, nameOf(selected.path));
      const entry = this.#entry(selected, target, false);
      if (entry.type === 'directory') {
        // The replaced entry of an earlier archive may itself have replaced a directory of the image.
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
      hint: 'Choose another destination, or remove the file in a RUN before.',
    },
  );
}
