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

/** Errors of a user namespace or file system that are ignored: the index keeps what the disk cannot. */
const REFUSED = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP']);

/**
 * Writes the directory form of a layer: entries as overlayfs stores them. The caller must make the parents of every
 * path here first, so that no path leads through a symlink.
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

  /** Deletes a path with everything below it. */
  remove(path: string): void {
    rmSync(diskPath(this.path(path)), { recursive: true, force: true });
  }

  /** Makes a hard link to a file of this directory. */
  link(existing: string, path: string): void {
    linkSync(diskPath(this.path(existing)), diskPath(this.path(path)));
  }

  /**
   * Makes a symlink, device, FIFO or whiteout with its metadata. A device that cannot be made here is left out: the
   * index has it.
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

  /** Sets owner, mode, extended attributes and times. */
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

  /** The same for an open file, which is quicker. */
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
   * Sets the metadata of directories, once all paths exist: creating entries changes a directory's time. Directories
   * that the layer only implies get mtime 0.
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
          hint: "The kernel or the store's file system rejects its value: create the archive or image without it.",
          cause: error,
        });
      }
    }
  }

  #setOpaque(path: string): void {
    if (this.#overlay !== 'none') setXattr(path, `${this.#overlay}.overlay.opaque`, Buffer.from('y'));
  }

  /** A worker that is not root needs to read its own files and delete its own directories. */
  #mode({ mode, type }: Entry): number {
    return this.#overlay === 'none' ? mode | (type === 'directory' ? 0o700 : 0o600) : mode;
  }

  /** Changes the owner; ignores ids that the user namespace lacks. */
  #own(change: () => void): void {
    try {
      change();
    } catch (error) {
      const unmapped = (error as NodeJS.ErrnoException).code === 'EINVAL';
      if (this.#overlay === 'trusted' || !(unmapped || isRefused(error))) throw error;
    }
  }
}

/** Errors for a value that the attribute or the file system does not support. */
const XATTR_REFUSALS = new Set(['EINVAL', 'E2BIG', 'ERANGE', 'ENOSPC', 'EOPNOTSUPP', 'ENOTSUP']);

function isRefused(error: unknown): boolean {
  return REFUSED.has((error as NodeJS.ErrnoException).code ?? '');
}
