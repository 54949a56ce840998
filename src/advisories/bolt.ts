import { closeSync, fstatSync, openSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { readFully } from '../layer/host-file.ts';

/** Of a page, before its elements: id (8 bytes), flags (2), count (2), overflow (4). */
const PAGE_HEADER = 16;
/** Of a leaf: flags, position, size of the key, size of the value (4 each). Of a branch: position, size, page (8). */
const ELEMENT = 16;
/** Root page (8) and sequence (8): what the value of a bucket begins with. */
const BUCKET_HEADER = 16;
const BRANCH = 1;
const LEAF = 2;
const META = 4;
const IS_BUCKET = 1;
const MAGIC = 0xed0cdaed;
const VERSION = 2;
/** The checksum covers what is before it. */
const META_SIZE = 56;
const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536, 1024, 2048, 512];
/** A tree of four-byte elements would not be deeper, with as many pages as numbers can say. */
const DEEPEST = 40;
/** A value with its page; those of advisories have some kilobytes. */
const LARGEST_PAGE = 512 << 10;
/** Bytes of pages that are kept. */
const KEPT = 8 << 20;

/** Pages of a file of bbolt, in the machine's own order of bytes, which is little-endian wherever it is published. */
interface Page {
  kind: 'branch' | 'leaf';
  count: number;
  /** From the page's header on, overflow pages included. */
  bytes: Buffer;
}

interface Leaf {
  key: Buffer;
  value: Buffer;
  isBucket: boolean;
}

/**
 * A database of bbolt (the format of trivy-db), read in place: pages are read when a look-up needs them, and a few are
 * kept. Nothing of it is trusted: a page that is not there, points elsewhere or leads in a circle is an error.
 *
 * Format: bbolt's `internal/common` (page.go, meta.go, bucket.go).
 */
export class BoltDatabase {
  readonly #fd: number;
  readonly #path: string;
  readonly #size: number;
  readonly #pageSize: number;
  /** The number of pages in use: none after it is read. */
  readonly #pages: bigint;
  readonly #kept = new Map<bigint, Page>();
  #keptBytes = 0;
  readonly root: BoltBucket;

  /** @throws JettisonError `DATABASE_INVALID` */
  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'r');
    try {
      this.#size = fstatSync(this.#fd).size;
      const meta = this.#newestMeta();
      this.#pageSize = meta.pageSize;
      this.#pages = meta.pages;
      this.root = new BoltBucket(this, meta.root);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** @throws JettisonError `DATABASE_INVALID` */
  page(id: bigint): Page {
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      // The last one used is the last one to go.
      this.#kept.delete(id);
      this.#kept.set(id, kept);
      return kept;
    }
    if (id < 2n || id >= this.#pages) throw this.invalid(`page ${id} is not one of its ${this.#pages}`);
    const start = Number(id) * this.#pageSize;
    const header = this.#read(start, PAGE_HEADER);
    if (header.readBigUInt64LE(0) !== id) throw this.invalid(`page ${id} says that it is another one`);
    const size = (header.readUInt32LE(12) + 1) * this.#pageSize;
    if (start + size > this.#size) throw this.invalid(`page ${id} is cut off`);
    if (size > LARGEST_PAGE) throw this.invalid(`page ${id} is too large`);
    const page = this.parse(this.#read(start, size), `page ${id}`);
    this.#keep(id, page);
    return page;
  }

  /** @param bytes of a page, from its header on */
  parse(bytes: Buffer, name: string): Page {
    if (bytes.length < PAGE_HEADER) throw this.invalid(`${name} is cut off`);
    const flags = bytes.readUInt16LE(8);
    const count = bytes.readUInt16LE(10);
    if (flags !== BRANCH && flags !== LEAF) throw this.invalid(`${name} is neither branch nor leaf`);
    if (PAGE_HEADER + count * ELEMENT > bytes.length) throw this.invalid(`${name} has too many elements`);
    return { kind: flags === BRANCH ? 'branch' : 'leaf', count, bytes };
  }

  invalid(what: string): JettisonError {
    return new JettisonError('DATABASE_INVALID', `the database ${this.#path} is damaged: ${what}`, {
      hint: 'Fetch it again: jettison db pull.',
    });
  }

  #keep(id: bigint, page: Page): void {
    this.#kept.set(id, page);
    this.#keptBytes += page.bytes.length;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#keptBytes <= KEPT || oldest === id) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= bytes.length;
    }
  }

  #read(offset: number, length: number): Buffer {
    const buffer = Buffer.alloc(length);
    if (readFully(this.#fd, buffer, offset) < length) throw this.invalid('it ends too early');
    return buffer;
  }

  /** Of two descriptions that are written in turn the one of the last transaction that was written whole. */
  #newestMeta(): { pageSize: number; root: bigint; pages: bigint } {
    const found = PAGE_SIZES.flatMap((pageSize) =>
      [0, pageSize].flatMap((at) => this.#meta(at)).filter((meta) => meta.pageSize === pageSize),
    );
    const newest = found.reduce<(typeof found)[number] | undefined>(
      (best, meta) => (best === undefined || meta.transaction > best.transaction ? meta : best),
      undefined,
    );
    if (newest === undefined) throw this.invalid('it has no valid description of itself');
    return newest;
  }

  #meta(at: number) {
    if (at + PAGE_HEADER + META_SIZE + 8 > this.#size) return [];
    const bytes = this.#read(at, PAGE_HEADER + META_SIZE + 8);
    const meta = bytes.subarray(PAGE_HEADER);
    const isMeta = (bytes.readUInt16LE(8) & META) !== 0 && meta.readUInt32LE(0) === MAGIC;
    if (!isMeta || meta.readUInt32LE(4) !== VERSION) return [];
    if (meta.readBigUInt64LE(META_SIZE) !== fnv64(meta.subarray(0, META_SIZE))) return [];
    return [
      {
        pageSize: meta.readUInt32LE(8),
        root: meta.readBigUInt64LE(16),
        pages: meta.readBigUInt64LE(40),
        transaction: meta.readBigUInt64LE(48),
      },
    ];
  }
}

/** A table of keys in order, whose values are bytes or tables again. */
export class BoltBucket {
  readonly #database: BoltDatabase;
  readonly #root: bigint | Page;

  constructor(database: BoltDatabase, root: bigint | Page) {
    this.#database = database;
    this.#root = root;
  }

  /** The value of a key, without the buckets. */
  get(key: string): Buffer | undefined {
    const found = this.#find(Buffer.from(key));
    return found === undefined || found.isBucket ? undefined : found.value;
  }

  bucket(key: string): BoltBucket | undefined {
    const found = this.#find(Buffer.from(key));
    return found?.isBucket ? this.#open(found.value) : undefined;
  }

  /** All keys with their values, in order; buckets have none. */
  *entries(): Generator<{ key: Buffer; value?: Buffer }> {
    for (const { key, value, isBucket } of this.#walk(this.#root, 0, new Set())) {
      yield isBucket ? { key } : { key, value };
    }
  }

  *#walk(root: bigint | Page, depth: number, seen: Set<bigint>): Generator<Leaf> {
    const page = this.#pageOf(root, depth);
    if (typeof root === 'bigint') {
      if (seen.has(root)) throw this.#database.invalid(`page ${root} is in a circle`);
      seen.add(root);
    }
    for (let at = 0; at < page.count; at++) {
      if (page.kind === 'leaf') yield this.#leaf(page, at);
      else yield* this.#walk(this.#branch(page, at).child, depth + 1, seen);
    }
  }

  #pageOf(root: bigint | Page, depth: number): Page {
    if (depth > DEEPEST) throw this.#database.invalid('its pages lead in a circle');
    return typeof root === 'bigint' ? this.#database.page(root) : root;
  }

  #find(key: Buffer): Leaf | undefined {
    let next = this.#root;
    for (let depth = 0; ; depth++) {
      const page = this.#pageOf(next, depth);
      // The last element whose key is not after the wanted one.
      let [low, high] = [0, page.count];
      while (low < high) {
        const middle = (low + high) >> 1;
        const found = page.kind === 'leaf' ? this.#leaf(page, middle) : this.#branch(page, middle);
        if (found.key.compare(key) <= 0) low = middle + 1;
        else high = middle;
      }
      if (low === 0) return undefined;
      if (page.kind === 'branch') {
        next = this.#branch(page, low - 1).child;
        continue;
      }
      const found = this.#leaf(page, low - 1);
      return found.key.equals(key) ? found : undefined;
    }
  }

  #leaf({ bytes }: Page, index: number): Leaf {
    const at = PAGE_HEADER + index * ELEMENT;
    const start = at + bytes.readUInt32LE(at + 4);
    const keySize = bytes.readUInt32LE(at + 8);
    const end = start + keySize + bytes.readUInt32LE(at + 12);
    if (end > bytes.length) throw this.#database.invalid('an element lies outside of its page');
    return {
      key: bytes.subarray(start, start + keySize),
      value: bytes.subarray(start + keySize, end),
      isBucket: (bytes.readUInt32LE(at) & IS_BUCKET) !== 0,
    };
  }

  #branch({ bytes }: Page, index: number): { key: Buffer; child: bigint } {
    const at = PAGE_HEADER + index * ELEMENT;
    const start = at + bytes.readUInt32LE(at);
    const end = start + bytes.readUInt32LE(at + 4);
    if (end > bytes.length) throw this.#database.invalid('an element lies outside of its page');
    return { key: bytes.subarray(start, end), child: bytes.readBigUInt64LE(at + 8) };
  }

  #open(value: Buffer): BoltBucket {
    if (value.length < BUCKET_HEADER) throw this.#database.invalid('a bucket is cut off');
    const root = value.readBigUInt64LE(0);
    // A small bucket is a page in its own value.
    const inline = value.subarray(BUCKET_HEADER);
    return new BoltBucket(this.#database, root === 0n ? this.#database.parse(inline, 'a bucket') : root);
  }
}

/** FNV-1a with 64 bits. */
function fnv64(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
