import { type BigIntStats, mkdirSync, renameSync } from 'node:fs';
import { join, parentOf } from '../../../layer/entry.ts';
import { diskPath } from '../../../layer/names.ts';
import { copyMetadata, restoreTimes } from '../../layers/disk-copy.ts';
import { namesIn, type Snapshot, statOf } from './snapshot.ts';

/** Entries between two turns of the event loop, so that messages to the worker do not wait long. */
const TURN = 500;

/** Whiteouts and opaque directories that are not marked on disk. */
export interface Hidden {
  whiteouts: string[];
  /** Directories that hide everything the layers below hold under them. */
  opaque: Set<string>;
}

/**
 * Moves everything that has changed since a snapshot into an upper directory, as overlayfs would have written it, but
 * returns whiteouts and opaque directories instead of marking them on disk.
 *
 * @param root absolute path of the tree
 * @param upper absolute path, on the same file system; made here
 * @param without paths to ignore, with everything below them
 */
export async function moveChanges(
  root: string,
  upper: string,
  before: Snapshot,
  without: ReadonlySet<string>,
): Promise<Hidden> {
  const changes = new Changes(root, upper, before, without);
  return changes.move();
}

class Changes {
  readonly #hidden: Hidden = { whiteouts: [], opaque: new Set() };
  /** Directories made in the upper one. Their times are set last: moving files into them changes the times. */
  readonly #made = new Map<string, BigIntStats>();
  /** Directories of the tree, before files were moved out of them. */
  readonly #stats = new Map<string, BigIntStats>();
  #count = 0;

  readonly #root: string;
  readonly #upper: string;
  readonly #before: Snapshot;
  readonly #without: ReadonlySet<string>;

  constructor(root: string, upper: string, before: Snapshot, without: ReadonlySet<string>) {
    this.#root = root;
    this.#upper = upper;
    this.#before = before;
    this.#without = without;
  }

  async move(): Promise<Hidden> {
    const stat = statOf(this.#root);
    mkdirSync(this.#upper, { mode: 0o700 });
    this.#stats.set('', stat);
    this.#made.set('', stat);
    await this.#directory('');
    for (const [path, of] of [...this.#made].reverse()) {
      copyMetadata(join(this.#root, path), join(this.#upper, path), of);
    }
    return this.#hidden;
  }

  /** Compares a directory that the snapshot has. */
  async #directory(path: string): Promise<void> {
    const names = namesIn(join(this.#root, path));
    const present = new Set(names);
    for (const name of this.#before.children(path)) {
      const child = join(path, name);
      if (present.has(name) || this.#without.has(child)) continue;
      this.#hidden.whiteouts.push(child);
      this.#need(path);
    }
    for (const name of names) {
      if (++this.#count % TURN === 0) await new Promise(setImmediate);
      const child = join(path, name);
      if (!this.#without.has(child)) await this.#entry(child);
    }
  }

  async #entry(path: string): Promise<void> {
    const stat = statOf(join(this.#root, path));
    if (stat.isDirectory() && this.#before.isSame(path, stat)) {
      this.#stats.set(path, stat);
      if (!this.#before.isUnchanged(path, stat)) this.#need(path);
      await this.#directory(path);
      return;
    }
    if (this.#before.isUnchanged(path, stat)) return;
    if (stat.isDirectory()) this.#hidden.opaque.add(path);
    this.#need(parentOf(path));
    renameSync(diskPath(join(this.#root, path)), diskPath(join(this.#upper, path)));
    // Moving a directory rewrites its "..", which changes its time.
    if (stat.isDirectory()) restoreTimes(join(this.#upper, path), stat);
  }

  /** Makes a directory in the upper one, for the changes in it. */
  #need(path: string): void {
    if (this.#made.has(path)) return;
    this.#need(parentOf(path));
    mkdirSync(diskPath(join(this.#upper, path)), { mode: 0o700 });
    this.#made.set(path, this.#stats.get(path)!);
  }
}
