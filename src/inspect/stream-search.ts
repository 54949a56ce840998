/** A byte string to search in a stream, and the size of the window around it. */
export interface Needle {
  find: Buffer;
  /** Bytes before and after its start that `found` gets: fewer where the file begins or ends. */
  before: number;
  after: number;
  /**
   * @param around a copy
   * @param at where the needle is in it
   * @param offset where it is in the file
   * @returns true when no more of them are wanted; a number to get this one again with so many bytes after its start
   */
  found(around: Buffer, at: number, offset: number): boolean | number;
}

/** Windows that are filled at the same time, at most: a hostile file may consist of needles. */
const MOST_OPEN = 64;
/** Windows per stream, at most. */
const MOST = 1 << 16;

interface Window {
  needle: Needle;
  parts: Buffer[];
  at: number;
  offset: number;
  missing: number;
}

/** Finds byte strings in a stream of any length; holds only the windows around them in memory. */
export class StreamSearch {
  #needles: Needle[];
  #tail = Buffer.alloc(0);
  /** Bytes of the stream so far. */
  #passed = 0;
  #open: Window[] = [];
  #count = 0;
  readonly #keep: number;

  constructor(needles: readonly Needle[]) {
    this.#needles = [...needles];
    this.#keep = Math.max(0, ...needles.map(({ find, before }) => find.length - 1 + before));
  }

  write(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#fill(chunk);
    if (this.#needles.length === 0) return;
    const text = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const start = this.#passed - this.#tail.length;
    for (const needle of this.#needles) this.#search(needle, text, start);
    this.#passed += chunk.length;
    this.#tail = Buffer.from(text.subarray(Math.max(0, text.length - this.#keep)));
  }

  /** Reports the windows that are not full at the end of the stream. */
  end(): void {
    for (const window of this.#open) {
      if (this.#give(window) > 0) this.#give(window);
    }
    this.#open = [];
  }

  #search(needle: Needle, text: Buffer, start: number): void {
    const { find, before, after } = needle;
    let from = Math.max(0, this.#tail.length - find.length + 1);
    while (this.#needles.includes(needle) && this.#count < MOST) {
      const at = text.indexOf(find, from);
      if (at < 0) return;
      from = at + 1;
      if (this.#open.length >= MOST_OPEN) continue;
      this.#count++;
      const first = Math.max(0, at - before);
      const window = { needle, parts: [], at: at - first, offset: start + at, missing: at - first + after };
      if (!this.#isDone(window, text.subarray(first))) this.#open.push(window);
    }
  }

  #fill(chunk: Buffer): void {
    if (this.#open.length > 0) this.#open = this.#open.filter((window) => !this.#isDone(window, chunk));
  }

  /** Fills a window, and reports it when it is full. */
  #isDone(window: Window, chunk: Buffer): boolean {
    for (let rest = chunk; rest.length > 0 && window.missing > 0; ) {
      const more = rest.subarray(0, window.missing);
      window.parts.push(Buffer.from(more));
      window.missing -= more.length;
      rest = rest.subarray(more.length);
      if (window.missing === 0) window.missing = this.#give(window);
    }
    return window.missing === 0;
  }

  /** @returns how many more bytes of it are wanted */
  #give({ needle, parts, at, offset }: Window): number {
    if (!this.#needles.includes(needle)) return 0;
    const around = Buffer.concat(parts);
    const answer = needle.found(around, at, offset);
    if (answer === true) this.#needles = this.#needles.filter((one) => one !== needle);
    return typeof answer === 'number' ? Math.max(0, at + answer - around.length) : 0;
  }
}

const ELF = Buffer.from('\x7fELF', 'latin1');

/** A `Catalogue.scan` that searches ELF files and ignores others. */
export function searchElf<Fact>(
  needles: readonly Needle[],
  end: () => Fact | undefined,
): { data(chunk: Buffer): void; end(): Fact | undefined } {
  const search = new StreamSearch(needles);
  let start: Buffer | undefined = Buffer.alloc(0);
  let isElf = false;
  return {
    data(chunk) {
      if (isElf) {
        search.write(chunk);
        return;
      }
      if (start === undefined) return;
      start = Buffer.concat([start, chunk]);
      if (start.length < ELF.length) return;
      isElf = start.subarray(0, ELF.length).equals(ELF);
      if (isElf) search.write(start);
      start = undefined;
    },
    end() {
      if (!isElf) return undefined;
      search.end();
      return end();
    },
  };
}
