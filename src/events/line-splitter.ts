/** Longer lines are cut into pieces of this many characters, so that no output can fill the memory. */
export const MAX_LINE = 8192;

/**
 * Cuts a stream of text into lines. A line that a program overwrites with carriage returns (a progress bar)
 * counts with its last state only; what is longer than `MAX_LINE` comes in pieces.
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

/** What is left to see of a line after its carriage returns. */
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
