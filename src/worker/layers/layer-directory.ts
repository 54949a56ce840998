import {
  chmodSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { JettisonError } from '../../errors/error.ts';
import type { Entry } from '../../layer/entry.ts';
import { bytesOfName, diskPath } from '../../layer/names.ts';
import { mknod, S_IF, setTimes, setXattr } from '../native.ts';
import type { WorkerContext } from '../worker-context.ts';

/** What a user namespace or a file system may refuse; the index keeps what the disk cannot. */
const REFUSED = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP']);

/**
 * The directory form of a layer while it is being made: entries as overlayfs keeps them on disk. The caller
 * sees to it that every path's parents are directories made here, so that no path leads through a symlink.
 */
export class LayerDirectory {
  readonly #root: string;
  readonly #overlay: WorkerContext['overlay'];

  /** @param root absolute path; made here */
  constructor(root: string, overlay: WorkerContext['overlay']) {
    this.#root = root;
    this.#overlay = overlay;
    mkdirSync(root, { mode: 0o755 });
    chmodSync(root, 0o755);
  }

  /** The absolute path on disk, as the functions of `native.ts` take it. */
  path(path: string): string {
    return path === '' ? this.#root : `${this.#root}/${path}`;
  }

  makeDirectory(path: string): void {
    mkdirSync(diskPath(this.path(path)), { mode: 0o755 });
  }

  /** Deletes whatever is there, with everything below it. */
  remove(path: string): void {
    rmSync(diskPath(this.path(path)), { recursive: true, force: true });
  }

  /** One more name for a file of this directory. */
  link(existing: string, path: string): void {
    linkSync(diskPath(this.path(existing)), diskPath(this.path(path)));
  }

  /**
   * Makes a symlink, device, fifo or whiteout with its metadata. A device that may not be made here is left
   * out: the index still has it.
   */
  makeSpecial(entry: Entry): void {
    const path = this.path(entry.path);
    switch (entry.type) {
      case 'symlink':
        symlinkSync(bytesOfName(entry.link!), diskPath(path));
        break;
      default:
        if (!this.#makeNode(entry, path)) return;
    }
    if (entry.type !== 'whiteout') this.setMetadata(entry);
  }

  /** @returns whether it may be made here */
  #makeNode(entry: Entry, path: string): boolean {
    try {
      if (entry.type === 'whiteout') mknod(path, S_IF.CHAR);
      else if (entry.type === 'fifo') mknod(path, S_IF.FIFO | 0o600);
      else {
        const { major, minor } = entry.device!;
        mknod(path, (entry.type === 'char' ? S_IF.CHAR : S_IF.BLOCK) | 0o600, major, minor);
      }
      return true;
    } catch (error) {
      const isDevice = entry.type === 'char' || entry.type === 'block';
      if (isRefused(error) && (this.#overlay === 'none' || (isDevice && this.#overlay === 'user')))
        return false;
      throw error;
    }
  }

  /** Owner, mode, attributes and times of what stands at the entry's path. */
  setMetadata(entry: Entry): void {
    const path = this.path(entry.path);
    // The owner first: changing it takes setuid bits and capabilities away.
    if (entry.uid !== 0 || entry.gid !== 0) {
      this.#own(() => lchownSync(diskPath(path), entry.uid, entry.gid));
    }
    if (entry.type !== 'symlink') chmodSync(diskPath(path), this.#mode(entry));
    this.#setXattrs(entry, path);
    if (entry.opaque) this.#setOpaque(path);
    setTimes(path, entry.mtime, entry.mtimeNs);
  }

  /** The same for a file that is open: quicker. */
  setFileMetadata(fd: number, entry: Entry): void {
    if (entry.uid !== 0 || entry.gid !== 0) {
      this.#own(() => fchownSync(fd, entry.uid, entry.gid));
    }
    fchmodSync(fd, this.#mode(entry));
    if (entry.xattrs !== undefined) this.#setXattrs(entry, this.path(entry.path));
    // Node takes times as floating-point seconds, which cannot hold nanoseconds.
    if (entry.mtimeNs) setTimes(this.path(entry.path), entry.mtime, entry.mtimeNs);
    else futimesSync(fd, entry.mtime, entry.mtime);
  }

  /**
   * Finishes once every path is there: metadata of directories, which making things in them would have
   * changed, and of those that the layer only implies (times 0).
   */
  finish(directories: Iterable<Entry>, implied: Iterable<string>): void {
    for (const path of implied) setTimes(this.path(path), 0);
    let root = false;
    for (const entry of directories) {
      if (entry.path === '') root = true;
      this.setMetadata(entry);
    }
    if (!root) setTimes(this.#root, 0);
  }

  #setXattrs(entry: Entry, path: string): void {
    for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
      try {
        setXattr(path, name, Buffer.from(value, 'base64'));
      } catch (error) {
        if (isRefused(error)) continue;
        const { code = '' } = error as NodeJS.ErrnoException;
        if (!XATTR_REFUSALS.has(code)) throw error;
        const what = `the extended attribute ${JSON.stringify(name)} of ${JSON.stringify(entry.path)}`;
        throw new JettisonError('XATTR_UNSUPPORTED', `${what} cannot be set here (${code})`, {
          hint: 'The kernel or the file system of the store does not take its value: make the archive or image without it.',
          cause: error,
        });
      }
    }
  }

  #setOpaque(path: string): void {
    if (this.#overlay !== 'none') setXattr(path, `${this.#overlay}.overlay.opaque`, Buffer.from('y'));
  }

  /** Without the rights of a root its own files must stay readable, and its directories deletable. */
  #mode({ mode, type }: Entry): number {
    return this.#overlay === 'none' ? mode | (type === 'directory' ? 0o700 : 0o600) : mode;
  }

  /** Gives a file to ids that a user namespace may not have. */
  #own(change: () => void): void {
    try {
      change();
    } catch (error) {
      const unmapped = (error as NodeJS.ErrnoException).code === 'EINVAL';
      if (this.#overlay === 'trusted' || !(unmapped || isRefused(error))) throw error;
    }
  }
}

/** What the kernel says of a value that the attribute, or the file system, cannot have. */
const XATTR_REFUSALS = new Set(['EINVAL', 'E2BIG', 'ERANGE', 'ENOSPC', 'EOPNOTSUPP', 'ENOTSUP']);

function isRefused(error: unknown): boolean {
  return REFUSED.has((error as NodeJS.ErrnoException).code ?? '');
}
