import { closeSync, constants, fstatSync, openSync, readdirSync, statSync } from 'node:fs';
import { readFully } from '../layer/host-file.ts';
import { diskPath, nameOfBytes } from '../layer/names.ts';
import { gitLimit } from './git-error.ts';
import type { RandomFile, RepositoryFiles } from './repository-files.ts';

const PAGE = 1 << 16;
/** Number of cached pages: 64 MiB. */
const PAGES = 1024;
/** Errors of open(2) that count as a missing file. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EINVAL', 'ENXIO', 'ELOOP']);

/** Files of this machine. Only regular files are read: opening a FIFO would block. */
export class HostFiles implements RepositoryFiles {
  readonly #open = new Map<string, HostFile | undefined>();
  readonly #pages = new PageCache();

  read(path: string, most: number): Buffer | undefined {
    const fd = openRegular(path);
    if (fd === undefined) return undefined;
    try {
      const { size } = fstatSync(fd);
      if (size > most) throw gitLimit(path, most);
      const bytes = Buffer.allocUnsafe(size);
      return bytes.subarray(0, readFully(fd, bytes, 0));
    } finally {
      closeSync(fd);
    }
  }

  open(path: string): RandomFile | undefined {
    if (!this.#open.has(path)) {
      const fd = openRegular(path);
      this.#open.set(path, fd === undefined ? undefined : new HostFile(fd, fstatSync(fd).size, this.#pages));
    }
    return this.#open.get(path);
  }

  names(path: string): string[] {
    try {
      return readdirSync(diskPath(path), 'buffer').map(nameOfBytes).sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  isDirectory(path: string): boolean {
    try {
      return statSync(diskPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  close(): void {
    for (const file of this.#open.values()) file?.close();
    this.#open.clear();
  }
}

/** Reads by pages, since the objects of a tree are close together in a pack. */
class HostFile implements RandomFile {
  constructor(
    private readonly fd: number,
    readonly size: number,
    private readonly pages: PageCache,
  ) {}

  read(position: number, length: number): Buffer {
    const end = Math.min(position + length, this.size);
    if (position >= end) return Buffer.alloc(0);
    const first = Math.floor(position / PAGE);
    const last = Math.floor((end - 1) / PAGE);
    const offset = position - first * PAGE;
    if (first === last) return this.#page(first).subarray(offset, offset + end - position);
    if (last - first >= PAGES) {
      const bytes = Buffer.allocUnsafe(end - position);
      return bytes.subarray(0, readFully(this.fd, bytes, position));
    }
    const parts: Buffer[] = [];
    for (let at = first; at <= last; at++) parts.push(this.#page(at));
    return Buffer.concat(parts).subarray(offset, offset + end - position);
  }

  close(): void {
    closeSync(this.fd);
  }

  #page(number: number): Buffer {
    const key = `${this.fd}:${number}`;
    const known = this.pages.get(key);
    if (known !== undefined) return known;
    const bytes = Buffer.allocUnsafe(Math.min(PAGE, this.size - number * PAGE));
    const page = bytes.subarray(0, readFully(this.fd, bytes, number * PAGE));
    this.pages.set(key, page);
    return page;
  }
}

/** The most recently used pages. */
class PageCache {
  readonly #pages = new Map<string, Buffer>();

  get(key: string): Buffer | undefined {
    const page = this.#pages.get(key);
    if (page === undefined) return undefined;
    this.#pages.delete(key);
    this.#pages.set(key, page);
    return page;
  }

  set(key: string, page: Buffer): void {
    this.#pages.set(key, page);
    if (this.#pages.size <= PAGES) return;
    for (const oldest of this.#pages.keys()) {
      this.#pages.delete(oldest);
      return;
    }
  }
}

function openRegular(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(diskPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}

function isAbsent(error: unknown): boolean {
  return ABSENT.has((error as NodeJS.ErrnoException).code ?? '');
}
