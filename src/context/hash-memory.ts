import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreLayout } from '../store/layout.ts';
import { readRecord, recordText } from '../store/record-file.ts';
import { writeWhole } from '../store/temporary.ts';

const VERSION = 1;
/** A file changed this shortly before it was read may change again without its times showing it. */
const RACY_NS = 2_000_000_000n;
/** Files that no build asked for lately are forgotten once there are this many more than asked-for ones. */
const SPARE = 10_000;

/**
 * What the files of one context directory hashed to, from build to build: path → stamp and digest, where the
 * stamp is whatever changes with the file (`size mtimeNs ctimeNs inode`). One JSON file a context, each value
 * one string, which costs the least to read. Losing it costs time, nothing else: a file that cannot be read
 * or is not whole counts as empty.
 */
export class HashMemory {
  readonly #layout: StoreLayout;
  readonly #file: string;
  #known: Map<string, string> | undefined;
  readonly #asked = new Set<string>();
  #dirty = false;

  /** @param directory absolute real path of the context */
  constructor(layout: StoreLayout, directory: string) {
    this.#layout = layout;
    this.#file = join(layout.contexts, `${createHash('sha256').update(directory).digest('hex')}.json`);
  }

  /** The digest (64 hex digits) of a file with exactly this stamp. */
  get(path: string, stamp: string): string | undefined {
    this.#asked.add(path);
    const value = this.#read().get(path);
    return typeof value === 'string' && value.length === stamp.length + 65 && value.startsWith(stamp)
      ? value.slice(stamp.length + 1)
      : undefined;
  }

  /** @param startedMs when hashing started, in milliseconds since 1970 */
  put(path: string, stamp: string, digest: string, startedMs: number): void {
    const [, mtime, ctime] = stamp.split(' ');
    const safe = BigInt(startedMs) * 1_000_000n - RACY_NS;
    if (BigInt(mtime!) > safe || BigInt(ctime!) > safe) return;
    this.#read().set(path, `${stamp} ${digest}`);
    this.#asked.add(path);
    this.#dirty = true;
  }

  /** Writes what is new. A store that cannot be written to is not this class's trouble. */
  save(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const known = this.#read();
    const all = known.size <= this.#asked.size + SPARE;
    const kept: Record<string, string> = Object.create(null);
    for (const [path, value] of known) if (all || this.#asked.has(path)) kept[path] = value;
    try {
      mkdirSync(this.#layout.contexts, { recursive: true });
      writeWhole(this.#layout, this.#file, recordText({}, JSON.stringify({ version: VERSION, files: kept })));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  #read(): Map<string, string> {
    if (this.#known === undefined) {
      this.#known = new Map();
      const found = readRecord<{ version: number; files: Record<string, string> }>(this.#file);
      if (found?.version === VERSION) this.#known = new Map(Object.entries(found.files));
    }
    return this.#known;
  }
}
