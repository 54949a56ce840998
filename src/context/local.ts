import { hash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  lstatSync,
  readdirSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { comparePaths, join, nameOf, parentOf } from '../layer/entry.ts';
import { openHostDirectory, readHostLink, saysChanged } from '../layer/host-file.ts';
import { diskPath, nameOfBytes } from '../layer/names.ts';
import type { TreeEntry } from '../layer/tree.ts';
import type { StoreLayout } from '../store/layout.ts';
import type { Context } from './context.ts';
import { hashContextFile } from './hash-file.ts';
import { HashMemory } from './hash-memory.ts';
import type { IgnoreRules } from './ignore.ts';
import { type OwnPlace, OwnPlaces, storePlaces } from './own-places.ts';

export interface LocalContextOptions {
  /** The directory, absolute or relative to the working directory. */
  directory: string;
  ignore: IgnoreRules;
  /** Where digests of files are remembered from build to build; without it every file is read again. */
  memory?: StoreLayout;
  /** Paths that the build writes: they are left out of the context, as is the store of `memory`. */
  own?: readonly OwnPlace[];
  /** How the user wrote the directory; for messages. */
  label?: string;
  /** Ends the hashing of files. */
  signal?: AbortSignal;
}

/** A file with several names. */
interface LinkedFile {
  /** Mode, size, times and inode when its first name was looked at. */
  stamp: string;
  /** Its first name. */
  path: string;
  digest?: string;
}

/** How long to hash before other work gets a turn, in milliseconds. */
const TURN_MS = 20;
/** In milliseconds. */
const RACY_MS = 2000;
/** In nanoseconds. */
const SECOND = 1_000_000_000n;

/**
 * Opens a directory as a build context. Nothing is read before an instruction asks for it.
 *
 * @throws JettisonError `CONTEXT_MISSING` when it does not exist or is not a directory
 */
export function openLocalContext(options: LocalContextOptions): LocalContext {
  const label = options.label ?? options.directory;
  checkContext(options.directory, label);
  const { ignore, memory, signal, own = [] } = options;
  const directory = realpathSync(options.directory);
  const store = memory === undefined ? [] : storePlaces(memory, directory);
  return new LocalContext(
    directory,
    label,
    ignore,
    new OwnPlaces(directory, [...store, ...own]),
    memory,
    signal,
  );
}

/**
 * Whether a directory can be a build context.
 *
 * @param label how the user wrote it
 * @throws JettisonError `CONTEXT_MISSING`, `CONTEXT_UNREADABLE`
 */
export function checkContext(directory: string, label = directory): void {
  const stat = statContext(directory, label);
  if (stat === undefined) {
    throw new JettisonError('CONTEXT_MISSING', `the build context "${label}" does not exist`, {
      hint: 'Give the directory whose files the Dockerfile copies, e.g. "." for this one.',
    });
  }
  if (!stat.isDirectory()) {
    throw new JettisonError('CONTEXT_MISSING', `the build context "${label}" is not a directory`, {
      hint: 'A Dockerfile is named with -f; the context is the directory whose files it copies.',
    });
  }
}

/** Undefined when nothing is there. */
function statContext(directory: string, label: string): Stats | undefined {
  try {
    return statSync(directory, { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') return undefined;
    if (code !== 'EACCES') throw error;
    throw new JettisonError(
      'CONTEXT_UNREADABLE',
      `cannot read the build context "${label}": permission denied`,
      {
        hint: 'Check who owns it and the directories above it.',
        cause: error,
      },
    );
  }
}

/**
 * A directory of this machine as a build may see it: without what the ignore rules exclude, everything owned
 * by 0:0, modes and times kept. Looks at a path only when asked, and once.
 */
export class LocalContext implements Context {
  readonly #own: OwnPlaces;
  readonly #signal: AbortSignal | undefined;
  readonly #entries = new Map<string, TreeEntry | undefined>();
  readonly #names = new Map<string, string[]>();
  readonly #holdsIncluded = new Map<string, boolean>();
  /** What the memory compares: size, times and inode, as found when the entry was made. */
  readonly #stamps = new Map<string, string>();
  /** Files with several names, by device and inode. */
  readonly #linked = new Map<string, LinkedFile>();
  readonly #memory: HashMemory | undefined;

  /** @param directory absolute, without symlinks: use `openLocalContext` */
  constructor(
    readonly directory: string,
    readonly label: string,
    readonly ignore: IgnoreRules,
    own: OwnPlaces,
    memory: StoreLayout | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#own = own;
    this.#signal = signal;
    this.#memory = memory && new HashMemory(memory, directory);
  }

  get(path: string): TreeEntry | undefined {
    const entry = this.#look(path);
    return entry !== undefined && this.#isVisible(path, entry.type === 'directory') ? entry : undefined;
  }

  children(path: string): string[] {
    if (this.get(path)?.type !== 'directory') return [];
    return this.#readdir(path).filter((name) => {
      const child = join(path, name);
      if (this.#own.at(child) !== undefined) return false;
      return !this.ignore.excludes(child) || this.get(child) !== undefined;
    });
  }

  reserved(path: string): string | undefined {
    return this.#own.covering(path);
  }

  async hash(entries: Iterable<TreeEntry>): Promise<void> {
    const started = Date.now();
    let turn = Date.now();
    for (const entry of entries) {
      if (entry.type !== 'file' || entry.digest !== undefined) continue;
      const linked = entry.inode === undefined ? undefined : this.#linked.get(entry.inode);
      if (linked?.digest !== undefined) {
        entry.digest = linked.digest;
        continue;
      }
      const stamp = this.#stamps.get(entry.path);
      const known = stamp === undefined ? undefined : this.#memory?.get(entry.path, stamp);
      entry.digest =
        known ?? (await hashContextFile(this.#host(entry.path), entry.size, entry.path, this.#signal));
      if (linked !== undefined) linked.digest = entry.digest;
      if (known !== undefined) continue;
      if (stamp !== undefined) this.#memory?.put(entry.path, stamp, entry.digest, started);
      if (Date.now() - turn > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        this.#signal?.throwIfAborted();
        turn = Date.now();
      }
    }
    this.#memory?.save();
  }

  #isVisible(path: string, directory: boolean): boolean {
    if (!this.ignore.excludes(path)) return true;
    return directory && this.#hasIncluded(path);
  }

  /** Whether an excluded directory holds something that a later rule includes again. */
  #hasIncluded(directory: string): boolean {
    let known = this.#holdsIncluded.get(directory);
    if (known === undefined) {
      known =
        this.ignore.mayContainIncluded(directory) &&
        this.#readdir(directory).some((name) => {
          const child = join(directory, name);
          const entry = this.#look(child);
          return entry !== undefined && this.#isVisible(child, entry.type === 'directory');
        });
      this.#holdsIncluded.set(directory, known);
    }
    return known;
  }

  /** The entry whatever the ignore rules say. */
  #look(path: string): TreeEntry | undefined {
    if (this.#entries.has(path)) return this.#entries.get(path);
    let entry: TreeEntry | undefined;
    if (
      path === '' ||
      (this.#own.at(path) === undefined && this.#look(parentOf(path))?.type === 'directory')
    ) {
      const stat = attempt(path, () =>
        lstatSync(diskPath(this.#host(path)), { bigint: true, throwIfNoEntry: false }),
      );
      if (stat !== undefined && (path === '' || this.#own.is(stat) === undefined)) {
        entry = this.#entry(path, stat);
      }
    }
    this.#entries.set(path, entry);
    return entry;
  }

  #entry(path: string, stat: BigIntStats): TreeEntry | undefined {
    const type = typeOf(stat);
    if (type === undefined) return undefined;
    // The nanoseconds count upwards before 1970, too.
    const nanoseconds = Number(((stat.mtimeNs % SECOND) + SECOND) % SECOND);
    const entry: TreeEntry = {
      path,
      type,
      mode: type === 'symlink' ? 0o777 : Number(stat.mode & 0o7777n),
      uid: 0,
      gid: 0,
      size: stat.isFile() ? Number(stat.size) : 0,
      mtime: Number((stat.mtimeNs - BigInt(nanoseconds)) / SECOND),
    };
    if (nanoseconds !== 0) entry.mtimeNs = nanoseconds;
    if (type === 'file') {
      entry.source = stat.isSocket()
        ? { kind: 'inline', data: '' }
        : { kind: 'host', path: this.#host(path), ...changedAt(stat) };
      const stamp = `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}`;
      if (stat.isSocket()) entry.digest = EMPTY;
      else if (stat.nlink > 1n) this.#link(entry, `${stat.dev}:${stat.ino}`, `${stat.mode} ${stamp}`);
      if (this.#memory) this.#stamps.set(path, stamp);
    } else if (type === 'symlink') {
      entry.link = attempt(path, () => readHostLink(this.#host(parentOf(path)), nameOf(path)));
    } else if (type === 'char' || type === 'block') {
      entry.device = deviceNumbers(stat.rdev);
    }
    return entry;
  }

  /** Further names of a file must be the same file in every respect, or it has changed meanwhile. */
  #link(entry: TreeEntry, inode: string, stamp: string): void {
    entry.inode = inode;
    const known = this.#linked.get(inode);
    if (known === undefined) this.#linked.set(inode, { stamp, path: entry.path });
    else if (known.stamp !== stamp) {
      const cause = new Error(`it and "${known.path}" are one file, and were found in different states`);
      throw unreadable(entry.path, true, cause);
    }
  }

  #readdir(path: string): string[] {
    let names = this.#names.get(path);
    if (names === undefined) {
      names = attempt(path, () => namesIn(this.#host(path))).sort(comparePaths);
      this.#names.set(path, names);
    }
    return names;
  }

  #host(path: string): string {
    return path === '' ? this.directory : this.directory === '/' ? `/${path}` : `${this.directory}/${path}`;
  }
}

/**
 * When a file last changed, for comparison when it is copied. Of one that has just changed that says nothing: it may
 * change again in the same tick of the file system's clock.
 */
function changedAt({ ctimeNs }: BigIntStats): { changedMs?: number } {
  const changedMs = Number(ctimeNs) / 1e6;
  return Date.now() - changedMs > RACY_MS ? { changedMs } : {};
}

/** Digest of no content. */
const EMPTY = hash('sha256', '', 'hex');

/** Names in a directory, which must not have become a symlink. */
function namesIn(path: string): string[] {
  const fd = openHostDirectory(path);
  try {
    const folder = process.platform === 'linux' ? `/proc/self/fd/${fd}` : diskPath(path);
    return readdirSync(folder, 'buffer').map(nameOfBytes);
  } finally {
    closeSync(fd);
  }
}

function typeOf(stat: BigIntStats): TreeEntry['type'] | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isCharacterDevice()) return 'char';
  if (stat.isBlockDevice()) return 'block';
  // BuildKit sends a socket's mode and no content: an empty file.
  if (stat.isSocket()) return 'file';
  return undefined;
}

/** Linux packs 12 bits of the major and 8 of the minor number low, the rest above. */
function deviceNumbers(rdev: bigint): { major: number; minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n)),
  };
}

function attempt<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') throw unreadable(path, false, error);
    if (saysChanged(error)) throw unreadable(path, true, error);
    throw error;
  }
}

function unreadable(path: string, vanished: boolean, cause: unknown): JettisonError {
  return vanished
    ? new JettisonError(
        'CONTEXT_CHANGED',
        `"${path}" disappeared from the build context, or became something else, while it was read`,
        {
          hint: 'Build again when nothing writes to the context any more.',
          cause,
        },
      )
    : new JettisonError(
        'CONTEXT_UNREADABLE',
        `cannot read "${path || '.'}" in the build context: permission denied`,
        {
          hint: 'Make it readable, or exclude it in .dockerignore.',
          cause,
        },
      );
}
