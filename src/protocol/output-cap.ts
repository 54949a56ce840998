import type { ExecOutput, OutputLimit } from './exec-request.ts';

/**
 * Limits the output of a command: passes on its beginning, and at the end its last part, with the number of bytes
 * dropped between them. Dropped bytes do not leave this process, so that a command which prints without end costs
 * little more than reading its pipe.
 */
export class OutputCap {
  #left: number;
  readonly #tail: number;
  #held: ExecOutput[] = [];
  #heldSize = 0;
  #dropped = 0;

  readonly #pass: (output: ExecOutput) => Promise<void>;

  /** @param limit absent: everything is passed on */
  constructor(limit: OutputLimit | undefined, pass: (output: ExecOutput) => Promise<void>) {
    this.#pass = pass;
    this.#left = limit?.head ?? Number.POSITIVE_INFINITY;
    this.#tail = limit?.tail ?? 0;
  }

  /** Read more once this resolves. */
  async add(output: ExecOutput): Promise<void> {
    const { length } = output.data;
    if (this.#left > 0) {
      this.#left -= length;
      return this.#pass(output);
    }
    this.#held.push(output);
    this.#heldSize += length;
    while (this.#held.length > 1 && this.#heldSize - this.#held[0]!.data.length >= this.#tail) {
      this.#drop(this.#held.shift()!.data);
    }
  }

  /** Passes on the last part of output that exceeded the limit. */
  async end(): Promise<void> {
    if (this.#dropped > 0) this.#startAtLine();
    for (const [index, output] of this.#held.splice(0).entries()) {
      await this.#pass(index === 0 && this.#dropped > 0 ? { ...output, dropped: this.#dropped } : output);
    }
  }

  /** Drops a partial first line, unless there is no other. */
  #startAtLine(): void {
    const first = this.#held[0]!;
    const lineEnd = first.data.indexOf(LINE_FEED) + 1;
    if (lineEnd === 0 || lineEnd === first.data.length) return;
    this.#drop(first.data.subarray(0, lineEnd));
    this.#held[0] = { ...first, data: first.data.subarray(lineEnd) };
  }

  #drop(data: Uint8Array): void {
    this.#dropped += data.length;
    this.#heldSize -= data.length;
  }
}

const LINE_FEED = 0x0a;
