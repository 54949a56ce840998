import { PassThrough, Writable } from 'node:stream';
import type { Io } from '../../src/cli/command.ts';

/** A writable that remembers what it was given; with `columns` and `rows` it passes for a terminal. */
export class Screen extends Writable {
  text = '';
  isTTY?: boolean;
  columns?: number;
  rows?: number;

  constructor(terminal?: { columns: number; rows: number }) {
    super({ decodeStrings: false });
    if (terminal !== undefined) Object.assign(this, { isTTY: true }, terminal);
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** What a command gets from the process, without the process. */
export function fakeIo(options: { env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {}) {
  const stdout = new Screen();
  const stderr = new Screen();
  const io: Io = {
    stdin: new PassThrough() as unknown as NodeJS.ReadStream,
    stdout,
    stderr,
    env: options.env ?? {},
    cwd: '/nowhere',
    signal: options.signal ?? new AbortController().signal,
  };
  return { io, stdout, stderr };
}
