import { damaged } from './git-error.ts';

/**
 * Applies a delta of a pack: the sizes of base and result, then instructions that copy a part of the base or insert
 * bytes. See gitformat-pack(5).
 *
 * @param most maximum bytes of the result
 */
export function applyDelta(base: Buffer, delta: Buffer, most: number): Buffer {
  const reader = new DeltaReader(delta);
  const baseSize = reader.size();
  const resultSize = reader.size();
  if (baseSize !== base.length) throw damaged('a delta does not fit its base');
  if (resultSize > most) throw damaged('a delta makes an object that is too large');
  const result = Buffer.allocUnsafe(resultSize);
  let at = 0;
  while (!reader.isAtEnd) {
    const instruction = reader.byte();
    if (instruction === 0) throw damaged('a delta has a reserved instruction');
    const isCopy = (instruction & 0x80) !== 0;
    const offset = isCopy ? reader.number(instruction, 4) : 0;
    const count = isCopy ? reader.number(instruction >> 4, 3) || 0x10000 : instruction;
    if (at + count > resultSize) throw damaged('a delta is longer than it says');
    if (!isCopy) reader.take(count).copy(result, at);
    else if (offset + count > base.length) throw damaged('a delta reaches beyond its base');
    else base.copy(result, at, offset, offset + count);
    at += count;
  }
  if (at !== resultSize) throw damaged('a delta is shorter than it says');
  return result;
}

class DeltaReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  byte(): number {
    const byte = this.bytes[this.#at++];
    if (byte === undefined) throw damaged('a delta is cut short');
    return byte;
  }

  take(count: number): Buffer {
    const piece = this.bytes.subarray(this.#at, this.#at + count);
    if (piece.length !== count) throw damaged('a delta is cut short');
    this.#at += count;
    return piece;
  }

  /** Seven bits per byte, lowest first. */
  size(): number {
    let size = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      size += (byte & 0x7f) * factor;
      if (size > Number.MAX_SAFE_INTEGER) throw damaged('a delta has a size that is too large');
      if (byte < 0x80) return size;
    }
  }

  /** Little-endian; only bytes whose bit is set in the mask are present. */
  number(mask: number, count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      if ((mask & (1 << i)) !== 0) value += this.byte() * 256 ** i;
    }
    return value;
  }
}
