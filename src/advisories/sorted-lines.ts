import { closeSync, fstatSync, openSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { readFully } from '../layer/host-file.ts';

const NEWLINE = 10;
const TAB = 9;
const PIECE = 1 << 16;
/** Longer than all advisories of one package together. */
const LONGEST_LINE = 64 << 20;

/**
 * A file of lines `KEY<TAB>VALUE`, in the order of the bytes of their keys: a value is found by bisection, and the file is
 * never in memory. Keys that are out of order are not found.
 */
export class SortedLines {
  readonly #fd: number;
  readonly #size: number;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'r');
    this.#size = fstatSync(this.#fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** @throws JettisonError `DATABASE_INVALID` */
  get(key: string): Buffer | undefined {
    const wanted = Buffer.from(key);
    let [low, high] = [0, this.#size];
    while (low < high) {
      const start = this.#startOfLine((low + high) >> 1, low);
      const line = this.#line(start);
      const tab = line.indexOf(TAB);
      if (tab < 0) throw this.#invalid('a line has no tab');
      const order = wanted.compare(line, 0, tab);
      if (order === 0) return line.subarray(tab + 1);
      if (order < 0) high = start;
      else low = start + line.length + 1;
    }
    return undefined;
  }

  /** The start of the line that a place is in. */
  #startOfLine(at: number, least: number): number {
    for (let end = at; end > least; ) {
      const from = Math.max(least, end - PIECE);
      const newline = this.#read(from, end - from).lastIndexOf(NEWLINE);
      if (newline >= 0) return from + newline + 1;
      end = from;
    }
    return least;
  }

  #line(start: number): Buffer {
    const pieces: Buffer[] = [];
    for (let at = start; at - start <= LONGEST_LINE; ) {
      const piece = this.#read(at, Math.min(PIECE, this.#size - at));
      const newline = piece.indexOf(NEWLINE);
      pieces.push(newline < 0 ? piece : piece.subarray(0, newline));
      at += piece.length;
      if (newline >= 0 || at >= this.#size) return Buffer.concat(pieces);
    }
    throw this.#invalid('a line is too long');
  }

  #read(offset: number, length: number): Buffer {
    const buffer = Buffer.alloc(length);
    if (readFully(this.#fd, buffer, offset) < length) throw this.#invalid('it ends too early');
    return buffer;
  }

  #invalid(what: string): JettisonError {
    return new JettisonError('DATABASE_INVALID', `the advisories ${this.#path} are damaged: ${what}`, {
      hint: 'Fetch or build them again: jettison db pull, jettison db build.',
    });
  }
}
