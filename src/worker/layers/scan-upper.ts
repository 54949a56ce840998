import { type BigIntStats, closeSync, lstatSync, openSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { comparePaths, type Entry, join, parentOf, type RecipeEntry } from '../../layer/entry.ts';
import type { MergedTree } from '../../layer/merged-tree.ts';
import { diskPath, nameOfBytes } from '../../layer/names.ts';
import { sameEntry } from '../../layer/same.ts';
import type { TreeEntry } from '../../layer/tree.ts';
import { hashFile } from '../file-io.ts';
import { getXattr, listXattrs } from '../native.ts';
import type { Hidden } from '../run/chroot/changes.ts';
import type { WorkerContext } from '../worker-context.ts';
import { READ_FLAGS } from './content.ts';
import { deviceOf } from './disk-copy.ts';

/** Entries between two turns of the event loop, so that messages to the worker do not wait long. */
const TURN = 200;

export interface ScanRequest {
  /** Absolute path of the upper directory; its overlay must be unmounted. */
  upper: string;
  /** The merged view of the layers below. */
  lower: MergedTree;
  /** Whiteouts and opaque directories, if no overlay made the directory and marked them on disk. */
  hidden?: Hidden;
}

/**
 * Reads the upper directory of an overlay into a layer's entries, in canonical order. Unchanged files (overlayfs copies
 * a file up when it is only opened for writing) are left out and deleted, so that the upper directory becomes the
 * layer's directory form. Directories are listed if they have changed, or contain a change. Sockets are dropped.
 */
export async function scanUpper(ctx: WorkerContext, request: ScanRequest): Promise<RecipeEntry[]> {
  const scan = new Scan(ctx, request);
  await scan.run();
  return scan.entries();
}

/** A file with several names, until all names are known. */
interface FoundFile {
  names: { path: string; unchanged: boolean }[];
  entry: RecipeEntry;
}

class Scan {
  readonly #upper: string;
  readonly #lower: MergedTree;
  readonly #overlay: WorkerContext['overlay'];
  readonly #singleId: boolean;
  readonly #hidden: Hidden | undefined;
  readonly #found = new Map<string, RecipeEntry>();
  /** Files that have more than one name, by device and inode. */
  readonly #files = new Map<string, FoundFile>();
  #count = 0;

  constructor(ctx: WorkerContext, request: ScanRequest) {
    this.#upper = request.upper;
    this.#lower = request.lower;
    this.#overlay = ctx.overlay;
    this.#singleId = ctx.singleId === true;
    this.#hidden = request.hidden;
  }

  async run(): Promise<void> {
    await this.#directory('', this.#stat(''), false);
    for (const path of this.#hidden?.whiteouts ?? []) {
      if (this.#lower.get(path) !== undefined) this.#found.set(path, whiteout(path));
    }
    this.#settleLinks();
    this.#dropEmptyDirectories();
    this.#settleRoot();
  }

  entries(): RecipeEntry[] {
    return [...this.#found.values()].sort((a, b) => comparePaths(a.path, b.path));
  }

  /** @param fresh whether the directory hides the layers below (new or opaque) */
  async #directory(path: string, stat: BigIntStats, fresh: boolean): Promise<void> {
    const below = fresh ? undefined : this.#lower.get(path);
    const covers = below?.type === 'directory';
    const opaque = covers && path !== '' && this.#isOpaque(path);
    const entry: RecipeEntry = { ...this.#facts(path, 'directory', stat, below), size: 0 };
    if (opaque) entry.opaque = true;
    this.#found.set(path, entry);
    for (const bytes of readdirSync(diskPath(this.#path(path)), { encoding: 'buffer' })) {
      if (++this.#count % TURN === 0) await new Promise(setImmediate);
      await this.#entry(join(path, nameOfBytes(bytes)), fresh || opaque || !covers);
    }
  }

  async #entry(path: string, fresh: boolean): Promise<void> {
    const stat = this.#stat(path);
    if (stat.isDirectory()) return this.#directory(path, stat, fresh);
    if (stat.isSocket()) return this.#drop(path);
    const below = fresh ? undefined : this.#lower.get(path);
    if (stat.isCharacterDevice() && stat.rdev === 0n) {
      // A whiteout that hides nothing is dropped.
      if (below === undefined) this.#drop(path);
      else this.#found.set(path, whiteout(path));
      return;
    }
    if (stat.isFile()) return this.#file(path, stat, below);
    const entry = this.#special(path, stat, below);
    if (below !== undefined && sameEntry(entry, below)) this.#drop(path);
    else this.#found.set(path, entry);
  }

  #file(path: string, stat: BigIntStats, below: TreeEntry | undefined): void {
    const inode = `${stat.dev}:${stat.ino}`;
    const known = stat.nlink > 1n ? this.#files.get(inode) : undefined;
    const entry: RecipeEntry = known
      ? { ...known.entry, path }
      : { ...this.#facts(path, 'file', stat, below), size: Number(stat.size), digest: this.#digest(path) };
    const unchanged = below !== undefined && sameEntry(entry, below);
    if (stat.nlink > 1n) {
      const name = { path, unchanged };
      if (known) known.names.push(name);
      else this.#files.set(inode, { names: [name], entry });
    } else if (unchanged) {
      this.#drop(path);
    } else {
      this.#found.set(path, entry);
    }
  }

  /** Drops a file with several names if all are unchanged; else the first name is the file, the others links to it. */
  #settleLinks(): void {
    for (const { names, entry } of this.#files.values()) {
      if (names.every((name) => name.unchanged)) {
        for (const { path } of names) this.#drop(path);
        continue;
      }
      const paths = names.map((name) => name.path).sort(comparePaths);
      const first = paths[0]!;
      for (const path of paths) {
        this.#found.set(
          path,
          path === first ? { ...entry, path } : { ...entry, path, type: 'hardlink', link: first },
        );
      }
    }
  }

  /** Drops directories that are unchanged and empty. */
  #dropEmptyDirectories(): void {
    const holding = new Set<string>();
    for (const entry of this.entries().reverse()) {
      const { path } = entry;
      if (path === '') continue;
      if (entry.type === 'directory' && !holding.has(path)) {
        const below = this.#lower.get(path);
        if (below !== undefined && sameEntry(entry, below)) {
          this.#found.delete(path);
          this.#drop(path);
          continue;
        }
      }
      holding.add(parentOf(path));
    }
  }

  /** Lists the root only if the command changed more than its time. */
  #settleRoot(): void {
    const { mtimeNs: _, ...root } = this.#found.get('')!;
    const below = this.#lower.get('')!;
    if (sameEntry({ ...root, mtime: 0 }, { ...below, mtime: 0, mtimeNs: 0 })) this.#found.delete('');
  }

  #facts(
    path: string,
    type: Entry['type'],
    stat: BigIntStats,
    below: TreeEntry | undefined,
  ): Omit<RecipeEntry, 'size'> {
    const mtime = Number(stat.mtimeNs / 1_000_000_000n);
    const nanoseconds = Number(stat.mtimeNs % 1_000_000_000n);
    const before = nanoseconds < 0;
    const xattrs = this.#xattrs(path);
    // With a single id all files on disk have that owner: keep the owner from below.
    const owner = this.#singleId && stat.uid === 0n ? below : undefined;
    return {
      path,
      type,
      mode: type === 'symlink' ? 0o777 : Number(stat.mode & 0o7777n),
      uid: owner?.uid ?? Number(stat.uid),
      gid: owner?.gid ?? Number(stat.gid),
      mtime: before ? mtime - 1 : mtime,
      ...(nanoseconds === 0 ? {} : { mtimeNs: before ? nanoseconds + 1e9 : nanoseconds }),
      ...(xattrs === undefined ? {} : { xattrs }),
    };
  }

  #special(path: string, stat: BigIntStats, below: TreeEntry | undefined): RecipeEntry {
    if (stat.isSymbolicLink()) {
      const link = nameOfBytes(readlinkSync(diskPath(this.#path(path)), { encoding: 'buffer' }));
      return { ...this.#facts(path, 'symlink', stat, below), size: 0, link };
    }
    if (stat.isFIFO()) return { ...this.#facts(path, 'fifo', stat, below), size: 0 };
    const type = stat.isCharacterDevice() ? 'char' : 'block';
    return { ...this.#facts(path, type, stat, below), size: 0, device: deviceOf(stat.rdev) };
  }

  /** The extended attributes that belong to the image: file capabilities and `user.*`. */
  #xattrs(path: string): Record<string, string> | undefined {
    let xattrs: Record<string, string> | undefined;
    for (const name of listXattrs(this.#path(path))) {
      const belongs =
        name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.'));
      const value = belongs ? getXattr(this.#path(path), name) : undefined;
      if (value === undefined) continue;
      xattrs ??= {};
      xattrs[name] = value.toString('base64');
    }
    return xattrs;
  }

  #isOpaque(path: string): boolean {
    if (this.#hidden !== undefined) return this.#hidden.opaque.has(path);
    return getXattr(this.#path(path), `${this.#overlay}.overlay.opaque`)?.toString('latin1') === 'y';
  }

  #digest(path: string): string {
    const fd = openSync(diskPath(this.#path(path)), READ_FLAGS);
    try {
      return hashFile(fd);
    } finally {
      closeSync(fd);
    }
  }

  #drop(path: string): void {
    rmSync(diskPath(this.#path(path)), { recursive: true, force: true });
  }

  #stat(path: string): BigIntStats {
    return lstatSync(diskPath(this.#path(path)), { bigint: true });
  }

  #path(path: string): string {
    return path === '' ? this.#upper : `${this.#upper}/${path}`;
  }
}

function whiteout(path: string): RecipeEntry {
  return { path, type: 'whiteout', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };
}
