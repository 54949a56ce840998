/** Pieces of work that count as one thing, and take their time once, while they overlap. */
export class Overlapping {
  readonly #told: { start: () => void; end: (totalMs: number) => void };
  #busy = 0;
  #startedAt = 0;
  #totalMs: number;

  /**
   * @param told.start is called when the first of them begins
   * @param told.end is called when the last of them has ended, with how long (milliseconds) all took so far
   */
  constructor(told: { start: () => void; end: (totalMs: number) => void }, totalMs = 0) {
    this.#told = told;
    this.#totalMs = totalMs;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy++ === 0) {
      this.#startedAt = Date.now();
      this.#told.start();
    }
    try {
      return await work();
    } finally {
      if (--this.#busy === 0) {
        this.#totalMs += Date.now() - this.#startedAt;
        this.#told.end(this.#totalMs);
      }
    }
  }
}
