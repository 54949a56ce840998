import { applyDelta } from './delta.ts';
import { damaged } from './git-error.ts';
import { type GitObject, inflate, type ObjectType } from './object.ts';
import type { PackIndex } from './pack-index.ts';
import type { RandomFile } from './repository-files.ts';

const TYPES: Record<number, ObjectType> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };
const OFS_DELTA = 6;
const REF_DELTA = 7;
/** Git makes chains of at most 4095 deltas. */
const LONGEST_CHAIN = 4096;
/** Bytes to read for a header: type, size, and the base of a delta. */
const HEADER = 64;
/** Bytes of cached objects, which may be bases of others. */
const CACHED = 48 << 20;

interface Packed {
  type: number;
  size: number;
  /** Offset of the compressed bytes. */
  data: number;
  /** The base of a delta. */
  base?: { offset: number } | { id: Buffer };
}

/** A pack with its index. See gitformat-pack(5). */
export class Pack {
  readonly #recent = new Map<number, GitObject>();
  #recentBytes = 0;

  /** @param size bytes of an object's name */
  constructor(
    private readonly file: RandomFile,
    readonly index: PackIndex,
    private readonly size: number,
  ) {}

  /**
   * @param most maximum bytes of an object
   * @param other finds a base that is not in this pack
   */
  read(offset: number, most: number, other: (id: string) => GitObject | undefined): GitObject {
    const deltas: { offset: number; bytes: Buffer }[] = [];
    let at = offset;
    let object = this.#recent.get(at);
    while (object === undefined) {
      if (deltas.length > LONGEST_CHAIN) throw damaged('a chain of deltas in a pack has no end');
      const packed = this.#header(at, most);
      const { base } = packed;
      if (base === undefined) {
        object = { type: TYPES[packed.type]!, data: this.#inflate(packed) };
        this.#remember(at, object);
        break;
      }
      deltas.push({ offset: at, bytes: this.#inflate(packed) });
      const next = 'offset' in base ? base.offset : this.index.offsetOf(base.id);
      if (next === undefined) {
        const id = (base as { id: Buffer }).id.toString('hex');
        object = other(id);
        if (object === undefined) throw damaged(`a pack needs the object ${id}, which is missing`);
      } else {
        at = next;
        object = this.#recent.get(at);
      }
    }
    for (const delta of deltas.reverse()) {
      object = { type: object.type, data: applyDelta(object.data, delta.bytes, most) };
      this.#remember(delta.offset, object);
    }
    return object;
  }

  #header(offset: number, most: number): Packed {
    const bytes = this.file.read(offset, HEADER);
    let at = 0;
    const next = () => {
      const byte = bytes[at++];
      if (byte === undefined) throw damaged('a pack is cut short');
      return byte;
    };
    let byte = next();
    const type = (byte >> 4) & 7;
    let size = byte & 15;
    for (let factor = 16; byte >= 0x80; factor *= 128) {
      byte = next();
      size += (byte & 0x7f) * factor;
    }
    if (size > most) throw damaged(`a pack has an object of ${size} bytes`);
    if (type === OFS_DELTA) {
      byte = next();
      let back = byte & 0x7f;
      while (byte >= 0x80) {
        byte = next();
        back = (back + 1) * 128 + (byte & 0x7f);
      }
      if (back <= 0 || back > offset) throw damaged('a delta in a pack has its base after itself');
      return { type, size, data: offset + at, base: { offset: offset - back } };
    }
    if (type === REF_DELTA) {
      const id = bytes.subarray(at, at + this.size);
      return { type, size, data: offset + at + this.size, base: { id } };
    }
    if (TYPES[type] === undefined) throw damaged(`a pack has an object of the type ${type}`);
    return { type, size, data: offset + at };
  }

  #inflate({ data, size }: Packed): Buffer {
    // Incompressible data is a little larger when compressed.
    return inflate(this.file.read(data, size + (size >> 8) + 128), size);
  }

  #remember(offset: number, object: GitObject): void {
    const { length } = object.data;
    if (length > CACHED / 8) return;
    this.#recent.set(offset, object);
    this.#recentBytes += length;
    for (const [oldest, { data }] of this.#recent) {
      if (this.#recentBytes <= CACHED) break;
      this.#recent.delete(oldest);
      this.#recentBytes -= data.length;
    }
  }
}
