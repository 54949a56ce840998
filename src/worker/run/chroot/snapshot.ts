import { type BigIntStats, lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { join as joinPath } from '../../../layer/entry.ts';
import { diskPath, nameOfBytes } from '../../../layer/names.ts';

/** Entries between two turns of the event loop, so that messages to the worker do not wait long. */
const TURN = 500;
/** Upper bound of the file system clock's resolution, in milliseconds. */
const PATIENCE = 2000;

/**
 * Inode, time of birth and change time of every path of a tree at one moment, to find later changes: every change of a
 * file's content, metadata or path updates its inode's change time, which no program can set.
 */
export class Snapshot {
  readonly #marks = new Map<string, Mark>();
  #latest = 0n;

  /**
   * @param root absolute path
   * @param without paths that are left out, with everything below them
   */
  static async take(root: string, without: ReadonlySet<string>): Promise<Snapshot> {
    const snapshot = new Snapshot();
    const waiting = [''];
    let count = 0;
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (++count % TURN === 0) await new Promise(setImmediate);
      const disk = joinPath(root, path);
      const stat = statOf(disk);
      const names = stat.isDirectory() ? namesIn(disk) : undefined;
      snapshot.#add(path, stat, names);
      for (const name of names ?? []) {
        const child = joinPath(path, name);
        if (!without.has(child)) waiting.push(child);
      }
    }
    return snapshot;
  }

  /**
   * Waits until the file system's clock, which is coarse, shows a later time than all change times of the tree.
   *
   * @param folder absolute path of a folder on the same file system, outside the tree
   */
  async pass(folder: string): Promise<void> {
    const probe = join(folder, 'clock');
    // Gives up if the machine's clock is set back: then change times differ anyway.
    for (let tries = 0; tries < PATIENCE; tries++) {
      writeFileSync(probe, '');
      const { ctimeNs } = statOf(probe);
      rmSync(probe);
      if (ctimeNs > this.#latest) return;
      await sleep(1);
    }
  }

  /** Whether the path existed. */
  has(path: string): boolean {
    return this.#marks.has(path);
  }

  /** Whether the path had the same inode, changed or not. */
  isSame(path: string, stat: BigIntStats): boolean {
    const mark = this.#marks.get(path);
    return mark !== undefined && isInode(mark, stat);
  }

  /** Whether the path is unchanged; for a directory, apart from the entries in it. */
  isUnchanged(path: string, stat: BigIntStats): boolean {
    return this.isSame(path, stat) && this.#marks.get(path)!.changed === stat.ctimeNs;
  }

  /** Names in a directory at that time. */
  children(path: string): readonly string[] {
    return this.#marks.get(path)?.names ?? [];
  }

  #add(path: string, stat: BigIntStats, names: string[] | undefined): void {
    if (stat.ctimeNs > this.#latest) this.#latest = stat.ctimeNs;
    this.#marks.set(path, { ...inodeOf(stat), changed: stat.ctimeNs, ...(names && { names }) });
  }
}

/** The identity of an inode: its number can be reused after deletion, with another time of birth. */
export interface Inode {
  number: bigint;
  birth: bigint;
}

interface Mark extends Inode {
  changed: bigint;
  names?: string[];
}

export function inodeOf({ ino, birthtimeNs }: BigIntStats): Inode {
  return { number: ino, birth: birthtimeNs };
}

export function isInode({ number, birth }: Inode, { ino, birthtimeNs }: BigIntStats): boolean {
  return number === ino && birth === birthtimeNs;
}

/** lstat with nanoseconds. */
export function statOf(path: string): BigIntStats {
  return lstatSync(diskPath(path), { bigint: true });
}

export function namesIn(directory: string): string[] {
  return readdirSync(diskPath(directory), { encoding: 'buffer' }).map(nameOfBytes);
}
