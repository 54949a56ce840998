import {
  type BigIntStats,
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { diskPath, nameOfBytes } from '../../layer/names.ts';
import { getXattr, listXattrs, mknod, setTimes, setXattr } from '../native.ts';

/** Entries between two turns of the event loop, so that messages to the worker do not wait long. */
const TURN = 200;

/**
 * Copies a file or directory tree with owners, modes, extended attributes, times, and hard links among the copied files.
 * Sockets are left out.
 *
 * @param from absolute path
 * @param to absolute path, which must not exist
 */
export async function copyTree(from: string, to: string): Promise<void> {
  await new TreeCopy().copy(from, to);
}

/** Copies owner, mode, extended attributes and times to another path. @param stat of `from` */
export function copyMetadata(from: string, to: string, stat: BigIntStats): void {
  // The owner first: changing it takes setuid bits and capabilities away.
  lchownSync(diskPath(to), Number(stat.uid), Number(stat.gid));
  if (!stat.isSymbolicLink()) chmodSync(diskPath(to), Number(stat.mode & 0o7777n));
  for (const name of listXattrs(from)) {
    const value = /^(user\.|security\.capability$)/.test(name) ? getXattr(from, name) : undefined;
    if (value !== undefined) setXattr(to, name, value);
  }
  restoreTimes(to, stat);
}

/** Sets the modification time to that of `stat`. */
export function restoreTimes(path: string, { mtimeNs }: BigIntStats): void {
  const nanoseconds = ((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  setTimes(path, Number((mtimeNs - nanoseconds) / 1_000_000_000n), Number(nanoseconds));
}

class TreeCopy {
  /** Copies of files that have several names, by inode. */
  readonly #linked = new Map<bigint, string>();
  #count = 0;

  async copy(from: string, to: string): Promise<void> {
    if (++this.#count % TURN === 0) await new Promise(setImmediate);
    const stat = lstatSync(diskPath(from), { bigint: true });
    const known = stat.isDirectory() || stat.nlink === 1n ? undefined : this.#linked.get(stat.ino);
    if (known !== undefined) {
      linkSync(diskPath(known), diskPath(to));
      return;
    }
    if (stat.isSocket()) return;
    if (stat.isDirectory()) {
      mkdirSync(diskPath(to), { mode: 0o700 });
      for (const bytes of readdirSync(diskPath(from), { encoding: 'buffer' })) {
        const name = nameOfBytes(bytes);
        await this.copy(`${from}/${name}`, `${to}/${name}`);
      }
    } else if (stat.isSymbolicLink()) {
      symlinkSync(readlinkSync(diskPath(from), { encoding: 'buffer' }), diskPath(to));
    } else if (stat.isFile()) {
      copyFileSync(diskPath(from), diskPath(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    } else {
      makeNode(to, stat);
    }
    if (!stat.isDirectory() && stat.nlink > 1n) this.#linked.set(stat.ino, to);
    copyMetadata(from, to, stat);
  }
}

function makeNode(path: string, { mode, rdev }: BigIntStats): void {
  const { major, minor } = deviceOf(rdev);
  mknod(path, Number(mode), major, minor);
}

/** Linux' packing of device numbers, as stat gives them. */
export function deviceOf(rdev: bigint): { major: number; minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
  };
}
