import { LineSplitter } from './line-splitter.ts';

/** Number of a step's last lines that are shown if it fails. */
export const KEPT_LINES = 20;

/** The last lines of a step's output. */
export class LastLines {
  readonly #streams = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  readonly #kept: string[] = [];
  /** Lines seen so far. */
  count = 0;

  /** @returns the lines that this text completes */
  push(stream: 'stdout' | 'stderr', text: string): string[] {
    return this.#keep(this.#streams[stream].push(text));
  }

  /** @returns unfinished last lines, when the step has ended */
  flush(): string[] {
    return this.#keep([...this.#streams.stdout.flush(), ...this.#streams.stderr.flush()]);
  }

  /** The last lines, at most `KEPT_LINES`. */
  last(lines: number = KEPT_LINES): string[] {
    return lines === 0 ? [] : this.#kept.slice(-lines);
  }

  #keep(lines: string[]): string[] {
    this.count += lines.length;
    this.#kept.push(...lines.slice(-KEPT_LINES));
    this.#kept.splice(0, this.#kept.length - KEPT_LINES);
    return lines;
  }
}
