import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync, writeSync } from 'node:fs';

/** One line of output, or a piece of a very long one. */
export interface LogEntry {
  /** RFC 3339. */
  time: string;
  stream: 'stdout' | 'stderr';
  data: Buffer;
}

/** A line of the file: `text`, or `base64` if the bytes are not UTF-8. */
type LogLine =
  | { time: string; stream: LogEntry['stream']; text: string }
  | { time: string; stream: LogEntry['stream']; base64: string };

const LONGEST_PIECE = 16 * 1024;
const NEWLINE = 10;
/** Bytes after which a log is rotated. One older file is kept: 10 to 20 MB in all. */
const ROTATE_AT = 10_000_000;

/** Writes a container's output to its log, one JSON object per line. */
export class LogWriter {
  readonly #pending = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #fd: number;
  #size: number;

  readonly #path: string;

  /** @param path of the file; created if missing */
  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  write(stream: LogEntry['stream'], data: Uint8Array): void {
    let rest = Buffer.concat([this.#pending[stream], data]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#append(stream, rest.subarray(0, end + 1));
      rest = rest.subarray(end + 1);
    }
    for (; rest.length >= LONGEST_PIECE; rest = rest.subarray(LONGEST_PIECE)) {
      this.#append(stream, rest.subarray(0, LONGEST_PIECE));
    }
    this.#pending[stream] = Buffer.from(rest);
  }

  /** Also writes unfinished lines. */
  close(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#pending[stream].length > 0) this.#append(stream, this.#pending[stream]);
    }
    closeSync(this.#fd);
  }

  #append(stream: LogEntry['stream'], data: Buffer): void {
    const content = isUtf8(data) ? { text: data.toString() } : { base64: data.toString('base64') };
    const line = `${JSON.stringify({ time: new Date().toISOString(), stream, ...content })}\n`;
    if (this.#size > ROTATE_AT) {
      closeSync(this.#fd);
      renameSync(this.#path, olderLog(this.#path));
      this.#fd = openSync(this.#path, 'a', 0o600);
      this.#size = 0;
    }
    writeSync(this.#fd, line);
    this.#size += Buffer.byteLength(line);
  }
}

/** Reads a log while it is written. */
export class LogReader {
  #older: LineReader | undefined;
  #newest: LineReader;

  readonly #path: string;

  /** @param path of the file; need not exist yet */
  constructor(path: string) {
    this.#path = path;
    this.#older = new LineReader(olderLog(path));
    this.#newest = new LineReader(path);
  }

  /** Entries since the last call, oldest first. */
  *read(): Generator<LogEntry> {
    if (this.#older !== undefined) yield* entries(this.#older);
    // A file that is rotated from now on has been read.
    this.#older = undefined;
    for (;;) {
      yield* entries(this.#newest);
      if (!this.#newest.isReplaced()) return;
      this.#newest = new LineReader(this.#path);
    }
  }
}

function* entries(reader: LineReader): Generator<LogEntry> {
  for (const text of reader.lines()) {
    const { time, stream, ...content } = JSON.parse(text) as LogLine;
    const data = 'text' in content ? Buffer.from(content.text) : Buffer.from(content.base64, 'base64');
    yield { time, stream, data };
  }
}

function olderLog(path: string): string {
  return `${path}.1`;
}

/** Reads complete lines of a growing file. */
class LineReader {
  #fd: number | undefined;
  #rest = Buffer.alloc(0);

  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#open();
  }

  *lines(): Generator<string> {
    this.#open();
    if (this.#fd === undefined) return;
    const chunk = Buffer.alloc(65536);
    for (let size = readSync(this.#fd, chunk); size > 0; size = readSync(this.#fd, chunk)) {
      let rest = Buffer.concat([this.#rest, chunk.subarray(0, size)]);
      for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
        yield rest.toString('utf8', 0, end);
        rest = rest.subarray(end + 1);
      }
      this.#rest = Buffer.from(rest);
    }
  }

  /** Whether the file has been rotated, in which case it is closed. */
  isReplaced(): boolean {
    if (this.#fd === undefined) return false;
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now === undefined || now.ino === fstatSync(this.#fd).ino) return false;
    closeSync(this.#fd);
    return true;
  }

  #open(): void {
    if (this.#fd !== undefined) return;
    try {
      this.#fd = openSync(this.#path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
