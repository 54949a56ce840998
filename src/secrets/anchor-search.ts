/** Bytes of an anchor that decide how far to skip. */
const PREFIX = 4;
const HASH_BITS = 16;

/**
 * Finds any of many byte strings in one pass (Wu and Manber's algorithm): the last two bytes of a window of four say how
 * far it can move, so that most bytes are never looked at.
 */
export class AnchorSearch {
  /** By pair of bytes: how far a window that ends with it can move. */
  readonly #shift = new Uint8Array(1 << 16).fill(PREFIX - 1);
  /** By hash of the first four bytes: whether an anchor may begin so. */
  readonly #begins = new Uint8Array(1 << HASH_BITS);
  readonly #anchors = new Map<number, { bytes: Buffer; index: number }[]>();

  /** @param anchors at least 4 bytes of ASCII each */
  constructor(anchors: readonly string[]) {
    for (const [index, anchor] of anchors.entries()) {
      const bytes = Buffer.from(anchor, 'latin1');
      if (bytes.length < PREFIX) throw new RangeError(`the anchor "${anchor}" has less than ${PREFIX} bytes`);
      for (let at = 1; at < PREFIX; at++) {
        const pair = bytes[at - 1]! | (bytes[at]! << 8);
        this.#shift[pair] = Math.min(this.#shift[pair]!, PREFIX - 1 - at);
      }
      const key = bytes.readInt32LE(0);
      this.#begins[hashOf(key)] = 1;
      this.#anchors.set(key, [...(this.#anchors.get(key) ?? []), { bytes, index }]);
    }
  }

  /** @param found gets where an anchor begins, and its place in the list; in the order of the bytes */
  search(bytes: Buffer, found: (at: number, index: number) => void): void {
    const shift = this.#shift;
    const begins = this.#begins;
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
    for (const anchor of this.#anchors.get(key) ?? []) {
      let same = PREFIX;
      while (same < anchor.bytes.length && bytes[at + same] === anchor.bytes[same]) same++;
      if (same === anchor.bytes.length) found(at, anchor.index);
    }
  }
}

function hashOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> (32 - HASH_BITS);
}
