import { closeSync, openSync, writeSync } from 'node:fs';
import { addPiece } from './build-log.ts';
import type { LogEntry } from './build-record.ts';

/** Milliseconds that output waits to be written with what follows. */
const DELAY_MS = 100;
/** Characters that do not wait. */
const MOST_WAITING = 64 * 1024;
/** Bytes of the whole file: what comes after is kept in memory only, until the build ends. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Splits a text into what may be written, without secrets, and an end that has to wait for more: none of a whole text. */
export type SplitText = (text: string, isWhole: boolean) => { shown: string; rest: string };

/**
 * What a running build has printed so far, as a file that grows, so that it is there when the build is killed: a line of
 * JSON a piece, the last of which may be torn.
 *
 *     {"step":"build/3","stream":"stdout","text":"added 211 packages\n"}
 */
export class RunningLog {
  readonly #path: string;
  #split: SplitText | undefined;
  #waiting: LogEntry[] = [];
  #length = 0;
  #written = 0;
  #file: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param split is awaited before anything is written */
  constructor(path: string, split: SplitText | Promise<SplitText>) {
    this.#path = path;
    if (typeof split === 'function') this.#split = split;
    else split.then((ready) => (this.#split = ready)).catch(() => this.close());
  }

  add(step: string, stream: LogEntry['stream'], text: string): void {
    if (this.#isOver) return;
    const last = this.#waiting.findLast((one) => one.step === step);
    if (last?.stream === stream) last.text += text;
    else this.#waiting.push({ step, stream, text });
    this.#length += text.length;
    if (this.#length >= MOST_WAITING) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), DELAY_MS).unref();
  }

  /** Nothing is written any more. */
  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const split = this.#split;
    if (this.#isOver || split === undefined) return;
    const rests: LogEntry[] = [];
    const last = new Map(this.#waiting.map(({ step }, at) => [step, at]));
    let lines = '';
    for (const [at, entry] of this.#waiting.entries()) {
      // A secret does not go on in the other stream.
      const { shown, rest } = split(entry.text, at < last.get(entry.step)!);
      if (shown !== '') lines += `${JSON.stringify({ ...entry, text: shown })}\n`;
      if (rest !== '') rests.push({ ...entry, text: rest });
    }
    this.#waiting = rests;
    this.#length = 0;
    this.#append(lines);
  }

  #append(lines: string): void {
    if (lines === '') return;
    try {
      this.#file ??= openSync(this.#path, 'a', 0o600);
      this.#written += writeSync(this.#file, lines);
    } catch {
      // Mostly a full disk: the build does not depend on its log.
      this.close();
    }
    if (this.#written > MOST_BYTES) this.close();
  }
}

/** The pieces of such a file, step by step: as far as it is whole. */
export function runningLogEntries(bytes: Uint8Array): LogEntry[] {
  const steps = new Map<string, LogEntry[]>();
  for (const line of Buffer.from(bytes).toString('utf8').split('\n')) {
    const entry = parseEntry(line);
    // What was written by halves when the process was killed.
    if (entry === undefined) continue;
    const entries = steps.get(entry.step) ?? [];
    addPiece(entries, entry);
    steps.set(entry.step, entries);
  }
  return [...steps.values()].flat();
}

function parseEntry(line: string): LogEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { step, stream, text } = value as Partial<LogEntry>;
  if (typeof step !== 'string' || typeof text !== 'string') return undefined;
  return stream === 'stdout' || stream === 'stderr' ? { step, stream, text } : undefined;
}
