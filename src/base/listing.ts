import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path/posix';
import { comparePaths, type RecipeEntry } from '../layer/entry.ts';
import { nameOfBytes } from '../layer/names.ts';

const MAX_LINKS = 40;
const CHUNK = 1 << 19;

/**
 * Collects the entries of an image made of this machine's files. Owners default to 0:0, all times are one given time,
 * and setuid bits are dropped: the result depends on the files' contents only.
 */
export class Listing {
  readonly #entries = new Map<string, RecipeEntry>();
  readonly #mtime: number;
  readonly #onSkip: (path: string, reason: string) => void;

  /**
   * @param mtime time of every entry, in seconds since 1970
   * @param onSkip called for every file that cannot be read
   */
  constructor(mtime: number, onSkip: (path: string, reason: string) => void) {
    this.#mtime = mtime;
    this.#onSkip = onSkip;
  }

  /** All entries, in canonical order. */
  entries(): RecipeEntry[] {
    return [...this.#entries.values()].sort((a, b) => comparePaths(a.path, b.path));
  }

  /** Adds a directory, and missing parents (0755, 0:0). */
  directory(path: string, mode = 0o755, uid = 0, gid = 0): void {
    this.#add({ path, type: 'directory', mode, uid, gid, size: 0 });
  }

  symlink(path: string, link: string): void {
    this.#add({ path, type: 'symlink', mode: 0o777, uid: 0, gid: 0, size: 0, link });
  }

  /** Adds a file with this text. */
  text(path: string, text: string, mode = 0o644): void {
    const bytes = Buffer.from(text);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const source = { kind: 'inline', data: bytes.toString('base64') } as const;
    this.#add({ path, type: 'file', mode, uid: 0, gid: 0, size: bytes.length, digest, source });
  }

  /**
   * Adds a file of the machine at the same path, with every symlink on its path.
   *
   * @returns false when it does not exist or cannot be read
   */
  async same(path: string): Promise<boolean> {
    let at = '/';
    const todo = path.split('/').reverse();
    let links = 0;
    while (todo.length > 0) {
      const name = todo.pop()!;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        at = dirname(at);
        continue;
      }
      const next = join(at, name);
      const status = await lstat(next).catch(() => undefined);
      if (status === undefined) return false;
      if (status.isSymbolicLink()) {
        if (++links > MAX_LINKS) return false;
        const link = await readlink(next);
        this.symlink(next.slice(1), link);
        if (link.startsWith('/')) at = '/';
        todo.push(...link.split('/').reverse());
      } else if (status.isDirectory()) {
        at = next;
      } else {
        return todo.length === 0 && (await this.file(next.slice(1), next));
      }
    }
    this.directory(at.slice(1));
    return true;
  }

  /** Adds a regular file of the machine at another path. */
  async file(path: string, host: string): Promise<boolean> {
    if (this.#entries.get(this.#place(path))?.type === 'file') return true;
    try {
      const handle = await open(host, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const { mode, size } = await handle.stat().then((status) => {
          if (!status.isFile()) throw new Error('it is not a regular file');
          return status;
        });
        const digest = await digestOf(handle, size);
        const source = { kind: 'host', path: host } as const;
        this.#add({ path, type: 'file', mode: usable(mode), uid: 0, gid: 0, size, digest, source });
        return true;
      } finally {
        await handle.close();
      }
    } catch (error) {
      this.#onSkip(host, (error as NodeJS.ErrnoException).code ?? (error as Error).message);
      return false;
    }
  }

  /**
   * Adds a directory of the machine with everything in it.
   *
   * @param leaveOut paths, relative to the directory, to leave out with everything below them
   */
  async tree(path: string, host: string, leaveOut: readonly string[] = [], below = ''): Promise<void> {
    this.directory(path);
    const names = await readdir(host, { encoding: 'buffer', withFileTypes: true });
    for (const entry of names) {
      const name = nameOfBytes(entry.name);
      const inside = join(below, name);
      if (leaveOut.includes(inside)) continue;
      const [to, from] = [join(path, name), join(host, name)];
      if (entry.isDirectory()) await this.tree(to, from, leaveOut, inside);
      else if (entry.isSymbolicLink()) this.symlink(to, await readlink(from));
      else if (entry.isFile()) await this.file(to, from);
    }
  }

  #add(entry: Omit<RecipeEntry, 'mtime'>): void {
    const path = this.#place(entry.path);
    const known = this.#entries.get(path);
    // A link of the machine (/lib → usr/lib) is kept: paths below it resolve to its target.
    if (known?.type === 'symlink' && entry.type === 'directory') return;
    this.#entries.set(path, { ...entry, path, mtime: this.#mtime });
  }

  /** Resolves a path among the entries so far, and adds missing parents. */
  #place(path: string): string {
    let at = '';
    const todo = normalize(path).split('/').filter(Boolean).reverse();
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      const next = at === '' ? name : `${at}/${name}`;
      if (todo.length === 0) return next;
      const entry = this.#entries.get(next);
      if (entry?.type === 'symlink') {
        const target = normalize(entry.link!.startsWith('/') ? entry.link! : join('/', at, entry.link!));
        todo.push(...target.split('/').filter(Boolean).reverse());
        at = '';
        continue;
      }
      if (entry === undefined) {
        const made = { type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0 } as const;
        this.#entries.set(next, { path: next, ...made, mtime: this.#mtime });
      }
      at = next;
    }
    return at;
  }
}

/** sha256 of an open file of this size: 64 hex digits. */
async function digestOf(handle: FileHandle, size: number): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(size, CHUNK));
  for (let left = size; left > 0; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(left, buffer.length));
    if (bytesRead === 0) throw new Error('it became shorter while it was read');
    hash.update(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return hash.digest('hex');
}

/** A mode with which all users of the image can read a file, and execute it if its owner can. */
function usable(mode: number): number {
  return mode & 0o100 ? 0o755 : 0o644;
}
