import { type BigIntStats, mkdirSync, renameSync } from 'node:fs';
import { join, parentOf } from '../../../layer/entry.ts';
import { diskPath } from '../../../layer/names.ts';
import { copyMetadata, restoreTimes } from '../../layers/disk-copy.ts';
import { namesIn, type Snapshot, statOf } from './snapshot.ts';

/** Entries between two turns of the event loop: what a message to the worker waits at most. */
const TURN = 500;

/** What an upper directory does not say itself about what lies below it. */
export interface Hidden {
  whiteouts: string[];
  /** Directories that hide everything the layers below hold under them. */
  opaque: Set<string>;
}

/**
 * Moves whatever has changed since a snapshot into an upper directory, where it stands as overlayfs would have it
 * there, but for whiteouts and marks of opaque directories, which are told instead.
 *
 * @param root absolute path of the tree
 * @param upper absolute path, on the same file system; made here
 * @param without paths that say nothing, with everything below them
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
  /** Directories made in the upper one: their times are set last, since what is moved into them changes those. */
  readonly #made = new Map<string, BigIntStats>();
  /** Directories of the tree as they were before anything was moved out of them. */
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

  /** Looks through a directory that was there before. */
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
    // A directory's own entry for its parent is part of it.
    if (stat.isDirectory()) restoreTimes(join(this.#upper, path), stat);
  }

  /** Makes a directory in the upper one, where what stands in it goes. */
  #need(path: string): void {
    if (this.#made.has(path)) return;
    this.#need(parentOf(path));
    mkdirSync(diskPath(join(this.#upper, path)), { mode: 0o700 });
    this.#made.set(path, this.#stats.get(path)!);
  }
}
