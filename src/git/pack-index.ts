import { damaged } from './git-error.ts';
import type { RandomFile } from './repository-files.ts';

const MAGIC = 0xff744f63;
const FANOUT = 8;
const NAMES = FANOUT + 256 * 4;

/**
 * The index of a pack, version 2: a fan-out table by first byte, sorted names, checksums, offsets of 31 bits, offsets
 * of 64 bits. It is searched in place. See gitformat-pack(5).
 */
export class PackIndex {
  readonly #count: number;

  /** @param size bytes of an object's name */
  constructor(
    private readonly file: RandomFile,
    private readonly size: number,
    path: string,
  ) {
    const head = file.read(0, NAMES);
    if (head.length < NAMES || head.readUInt32BE(0) !== MAGIC || head.readUInt32BE(4) !== 2) {
      throw damaged(`${path} is not an index of version 2`);
    }
    this.#count = head.readUInt32BE(NAMES - 4);
    if (NAMES + this.#count * (size + 8) > file.size) throw damaged(`${path} is cut short`);
  }

  /** Offset of an object in the pack; undefined if the pack lacks it. */
  offsetOf(id: Buffer): number | undefined {
    const first = id[0]!;
    let low = first === 0 ? 0 : this.#fanOut(first - 1);
    let high = Math.min(this.#fanOut(first), this.#count);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = id.compare(this.file.read(NAMES + middle * this.size, this.size));
      if (order === 0) return this.#offsetAt(middle);
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return undefined;
  }

  #fanOut(byte: number): number {
    return this.file.read(FANOUT + byte * 4, 4).readUInt32BE(0);
  }

  #offsetAt(at: number): number {
    const offsets = NAMES + this.#count * (this.size + 4);
    const short = this.file.read(offsets + at * 4, 4).readUInt32BE(0);
    if (short < 0x80000000) return short;
    const long = this.file.read(offsets + this.#count * 4 + (short - 0x80000000) * 8, 8);
    if (long.length < 8) throw damaged('an index of a pack is cut short');
    return Number(long.readBigUInt64BE(0));
  }
}
