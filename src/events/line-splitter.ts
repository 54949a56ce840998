/** Longer lines are split after this many characters, to bound the memory. */
export const MAX_LINE = 8192;

/**
 * Splits a stream of text into lines. Of a line that is overwritten with carriage returns (a progress bar) only the last
 * state counts; a line longer than `MAX_LINE` is split.
 */
export class LineSplitter {
  #rest = '';

  /** @returns the lines that `text` completes, without their line ends */
  push(text: string): string[] {
    const pieces = (this.#rest + text).split('\n');
    this.#rest = pieces.pop()!;
    const lines: string[] = [];
    for (const piece of pieces) cut(lastState(piece), lines);
    if (this.#rest.length > MAX_LINE) {
      const overwritten = this.#rest.endsWith('\r') ? '\r' : '';
      this.#rest = cut(lastState(this.#rest), lines, true) + overwritten;
    }
    return lines;
  }

  /** @returns the last line, when it does not end in a line end */
  flush(): string[] {
    const lines: string[] = [];
    if (this.#rest !== '') cut(lastState(this.#rest), lines);
    this.#rest = '';
    return lines;
  }
}

/** The visible text of a line with carriage returns. */
function lastState(line: string): string {
  const end = line.endsWith('\r') ? line.length - 1 : line.length;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

/** Adds `line` in pieces; with `open`, the last piece is not added but returned. */
function cut(line: string, into: string[], open = false): string {
  let from = 0;
  while (line.length - from > MAX_LINE) {
    let to = from + MAX_LINE;
    const last = line.charCodeAt(to - 1);
    if (last >= 0xd800 && last < 0xdc00) to--;
    into.push(line.slice(from, to));
    from = to;
  }
  const rest = line.slice(from);
  if (open) return rest;
  into.push(rest);
  return '';
}
