import type { LogEntry } from './build-record.ts';

/** Of one step so much is kept of the beginning, and as much of the end. */
const HALF = 512 * 1024;
/** Of one build so much is kept: steps that begin to print after that are left out. */
const WHOLE = 16 * 1024 * 1024;

/** What one step has printed, in pieces. */
interface StepLog {
  head: LogEntry[];
  headLength: number;
  tail: LogEntry[];
  tailLength: number;
  /** Characters that were dropped in between. */
  dropped: number;
  bytes: number;
}

/** Collects what the steps of a build print: all of it, or the beginning and the end. */
export class BuildLog {
  readonly #steps = new Map<string, StepLog>();
  #length = 0;

  add(step: string, stream: LogEntry['stream'], text: string): void {
    let log = this.#steps.get(step);
    if (log === undefined) {
      if (this.#length > WHOLE) return;
      log = { head: [], headLength: 0, tail: [], tailLength: 0, dropped: 0, bytes: 0 };
      this.#steps.set(step, log);
    }
    log.bytes += Buffer.byteLength(text);
    this.#length += text.length;
    if (log.headLength < HALF) {
      log.headLength += text.length;
      addPiece(log.head, { step, stream, text });
      return;
    }
    log.tailLength += text.length;
    log.tail.push({ step, stream, text });
    while (log.tailLength > HALF && log.tail.length > 1) {
      const gone = log.tail.shift()!.text.length;
      log.tailLength -= gone;
      log.dropped += gone;
      this.#length -= gone;
    }
  }

  get isEmpty(): boolean {
    return this.#steps.size === 0;
  }

  /** How many bytes each step has printed. */
  bytes(step: string): number | undefined {
    return this.#steps.get(step)?.bytes;
  }

  /** All of it, step by step. @param masked takes secrets out of a text */
  entries(masked: (text: string) => string): LogEntry[] {
    return [...this.#steps].flatMap(([step, { head, tail, dropped }]) => {
      const pieces: LogEntry[] = [];
      for (const piece of head) addPiece(pieces, { ...piece });
      if (dropped > 0) {
        pieces.push({ step, stream: 'stderr', text: `\n… ${dropped} characters are left out here …\n` });
      }
      for (const piece of tail) addPiece(pieces, { ...piece });
      return pieces.map((piece) => ({ ...piece, text: masked(piece.text) }));
    });
  }
}

/** Adds a piece to the one before it, if that is of the same stream. */
export function addPiece(pieces: LogEntry[], piece: LogEntry): void {
  const last = pieces.at(-1);
  if (last?.stream === piece.stream) last.text += piece.text;
  else pieces.push(piece);
}
