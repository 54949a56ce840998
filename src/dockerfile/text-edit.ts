import type { Location } from '../errors/error.ts';
import type { Dockerfile, Instruction } from './ast.ts';

/** A part of a text to replace: offsets in UTF-16 units, `end` exclusive. */
export interface TextEdit {
  start: number;
  end: number;
  text: string;
}

/** Applies edits that do not overlap; every other character stays. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = '';
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}

/** Whether two edits change the same characters. */
function overlap(a: TextEdit, b: TextEdit): boolean {
  return a.start < b.end && b.start < a.end ? true : a.start === b.start;
}

/** The edits of those fixes that can be applied together: of two that change the same characters, the first. */
export function compatibleEdits(fixes: Iterable<readonly TextEdit[]>): { edits: TextEdit[]; count: number } {
  const edits: TextEdit[] = [];
  let count = 0;
  for (const fix of fixes) {
    if (fix.length === 0 || fix.some((one) => edits.some((other) => overlap(one, other)))) continue;
    edits.push(...fix);
    count++;
  }
  return { edits, count };
}

/** The smallest edit that makes one text of another. */
export function editBetween(before: string, after: string): TextEdit {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let tail = 0;
  while (tail < shorter - start && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return { start, end: before.length - tail, text: after.slice(start, after.length - tail) };
}

/** An instruction's lines, from its first character to the first of what follows. */
export function placeOf(dockerfile: Dockerfile, instruction: Instruction): { start: number; end: number } {
  let start = 0;
  for (const part of dockerfile.parts) {
    if (part.kind === 'instruction' && part.instruction === instruction) {
      return { start, end: start + part.text.length };
    }
    start += part.text.length;
  }
  throw new Error('the instruction is of another Dockerfile');
}

/** What ends the lines of a text. */
export function lineEnd(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** The lines at a place, the last one with its end even where the text has none. */
export function linesAt(text: string, { start, end }: { start: number; end: number }): string {
  const lines = text.slice(start, end);
  return lines.endsWith('\n') ? lines : `${lines}${lineEnd(text)}`;
}

/** The lines of an instruction, and the comments directly above it. */
export function blockOf(dockerfile: Dockerfile, instruction: Instruction): { start: number; end: number } {
  const at = dockerfile.parts.findIndex(
    (part) => part.kind === 'instruction' && part.instruction === instruction,
  );
  let { start, end } = placeOf(dockerfile, instruction);
  for (let above = at - 1; dockerfile.parts[above]?.kind === 'comment'; above--) {
    start -= dockerfile.parts[above]!.text.length;
  }
  return { start, end };
}

/** The edit that puts a flag, such as `--mount=…`, behind the keyword of an instruction's text. */
export function flagInsertion(text: string, flag: string, offset = 0): TextEdit {
  const keyword = /^\s*\S+/.exec(text)?.[0] ?? '';
  const at = offset + keyword.length;
  return { start: at, end: at, text: ` ${flag}` };
}

/** Finds lines and columns of a text. */
export class TextPositions {
  readonly #starts = [0];

  constructor(
    text: string,
    private readonly file: string,
  ) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  offsetOf({ line, column }: Pick<Location, 'line' | 'column'>): number {
    return (this.#starts[line - 1] ?? 0) + column - 1;
  }

  locationOf(offset: number): Location {
    let line = this.#starts.length;
    while (line > 1 && this.#starts[line - 1]! > offset) line--;
    return { file: this.file, line, column: offset - this.#starts[line - 1]! + 1 };
  }
}
