/** Bytes of an anchor that decide how far to skip. */
const PREFIX = 4;
const HASH_BITS = 16;
/** Bytes of a text from which on the tables for skipping pay: making them takes a millisecond. */
const LONG = 4096;

interface Tables {
  /** By pair of bytes: how far a window that ends with it can move. */
  shift: Uint8Array;
  /** By hash of the first four bytes: whether an anchor may begin so. */
  begins: Uint8Array;
}

/**
 * Finds any of many byte strings in one pass (Wu and Manber's algorithm): the last two bytes of a window of four say how
 * far it can move, so that most bytes are never looked at. In short texts the window moves by one byte, which needs no
 * tables.
 */
export class AnchorSearch {
  readonly #anchors: readonly string[];
  /** By the first four bytes: places in the list of the anchors that begin so. */
  readonly #byStart = new Map<number, number[]>();
  #tables: Tables | undefined;

  /** @param anchors at least 4 bytes of ASCII each */
  constructor(anchors: readonly string[]) {
    this.#anchors = anchors;
    for (let index = 0; index < anchors.length; index++) {
      const anchor = anchors[index]!;
      if (anchor.length < PREFIX)
        throw new RangeError(`the anchor "${anchor}" has less than ${PREFIX} bytes`);
      const key = startOf(anchor);
      const others = this.#byStart.get(key);
      if (others === undefined) this.#byStart.set(key, [index]);
      else others.push(index);
    }
  }

  /** @param found gets where an anchor begins, and its place in the list; in the order of the bytes */
  search(bytes: Buffer, found: (at: number, index: number) => void): void {
    if (bytes.length < LONG) this.#searchShort(bytes, found);
    else this.#searchLong(bytes, found);
  }

  #searchShort(bytes: Buffer, found: (at: number, index: number) => void): void {
    let key = 0;
    for (let end = 0; end < bytes.length; end++) {
      key = (key >>> 8) | (bytes[end]! << 24);
      if (end >= PREFIX - 1) this.#verify(bytes, end - (PREFIX - 1), key, found);
    }
  }

  #searchLong(bytes: Buffer, found: (at: number, index: number) => void): void {
    this.#tables ??= tablesOf(this.#anchors);
    const { shift, begins } = this.#tables;
    const { length } = bytes;
    let end = PREFIX - 1;
    while (end < length) {
      const step = shift[bytes[end - 1]! | (bytes[end]! << 8)]!;
      if (step > 0) {
        end += step;
        continue;
      }
      const at = end - (PREFIX - 1);
      const key = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      if (begins[hashOf(key)] === 1) this.#verify(bytes, at, key, found);
      end++;
    }
  }

  #verify(bytes: Buffer, at: number, key: number, found: (at: number, index: number) => void): void {
    const indexes = this.#byStart.get(key);
    if (indexes === undefined) return;
    for (const index of indexes) {
      const anchor = this.#anchors[index]!;
      let same = PREFIX;
      while (same < anchor.length && bytes[at + same] === anchor.charCodeAt(same)) same++;
      if (same === anchor.length) found(at, index);
    }
  }
}

function tablesOf(anchors: readonly string[]): Tables {
  const shift = new Uint8Array(1 << 16).fill(PREFIX - 1);
  const begins = new Uint8Array(1 << HASH_BITS);
  for (const anchor of anchors) {
    for (let at = 1; at < PREFIX; at++) {
      const pair = anchor.charCodeAt(at - 1) | (anchor.charCodeAt(at) << 8);
      shift[pair] = Math.min(shift[pair]!, PREFIX - 1 - at);
    }
    begins[hashOf(startOf(anchor))] = 1;
  }
  return { shift, begins };
}

/** The first four bytes, the first of them lowest. */
function startOf(anchor: string): number {
  return (
    anchor.charCodeAt(0) |
    (anchor.charCodeAt(1) << 8) |
    (anchor.charCodeAt(2) << 16) |
    (anchor.charCodeAt(3) << 24)
  );
}

function hashOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> (32 - HASH_BITS);
}
