import type { Location } from '../errors/error.ts';
import type { Word } from './ast.ts';

/**
 * An instruction's text with its continuation lines joined, and the location of every character in the file. Offsets
 * are UTF-16 units of `text`.
 */
export class LogicalLine {
  #text = '';
  readonly #pieces: { offset: number; line: number; column: number }[] = [];

  /** @param origin location of all characters, for a text that is not in a file (a base image's trigger) */
  constructor(
    readonly file: string,
    private readonly origin?: Location,
  ) {}

  get text(): string {
    return this.#text;
  }

  /** Adds the part of the file that begins at this line and column (both from 1). */
  append(text: string, line: number, column: number): void {
    this.#pieces.push({ offset: this.#text.length, line, column });
    this.#text += text;
  }

  /** Location of the characters from `start` up to `end` (exclusive); default: of one point. */
  locate(start: number, end: number = start): Location {
    if (this.origin) return this.origin;
    const first = this.#point(start);
    const last = end > start ? this.#point(end - 1) : first;
    return {
      file: this.file,
      line: first.line,
      column: first.column,
      ...(last.line > first.line && { endLine: last.line }),
    };
  }

  /** The characters from `start` up to `end` (exclusive) with their location. */
  word(start: number, end: number): Word {
    return { text: this.#text.slice(start, end), location: this.locate(start, end) };
  }

  #point(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#pieces[middle]!.offset <= offset) low = middle;
      else high = middle - 1;
    }
    const piece = this.#pieces[low] ?? { offset: 0, line: 1, column: 1 };
    return { line: piece.line, column: piece.column + (offset - piece.offset) };
  }
}
