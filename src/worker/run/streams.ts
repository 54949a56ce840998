import { closeSync, fchownSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { TerminalSize } from '../../protocol/exec-request.ts';
import { pipe } from '../native.ts';
import { Pty } from './pty.ts';

/** A command's standard streams. They are never those of this process, which a command could misuse. */
export interface StreamsOptions {
  /** Absolute path of a file, or `typed`: the data given to `CommandStreams.write`. */
  stdin: 'typed' | string;
  /**
   * Owner of the streams, so that a command can open its own /dev/stdout. Absent: this process's user; the program that
   * becomes the command in another user namespace changes it.
   */
  owner?: { uid: number; gid: number } | undefined;
  /** All three are a new terminal of this size; `stdin` says whether it takes input. */
  terminal?: TerminalSize;
  /** Opens that terminal; default: in this process's own /dev/pts. */
  make?: () => Pty;
}

/** This process's ends of a command's standard streams. */
export class CommandStreams {
  /** The command's ends, for spawning it. Closed by `handedOver`. */
  readonly fds: [stdin: number, stdout: number, stderr: number];
  stdout: Readable | null = null;
  stderr: Readable | null = null;
  #input: Writable | undefined;
  #pty: Pty | undefined;
  /** Called with every new size, for the terminal that a runtime made. */
  onResize: (size: TerminalSize) => void = () => {};
  readonly #typing: boolean;

  private constructor(fds: CommandStreams['fds'], typing: boolean) {
    this.fds = fds;
    this.#typing = typing;
  }

  static open({ stdin, owner, terminal, make }: StreamsOptions): CommandStreams {
    if (terminal !== undefined) {
      const pty = make === undefined ? Pty.open(terminal) : make();
      const peer = pty.openPeer(owner);
      const streams = new CommandStreams([peer, peer, peer], stdin === 'typed');
      streams.connect(pty);
      return streams;
    }
    const out = pipe();
    const err = pipe();
    const input = stdin === 'typed' ? pipe() : undefined;
    if (owner !== undefined) {
      const ends = [out.write, err.write, ...(input === undefined ? [] : [input.read])];
      for (const fd of ends) fchownSync(fd, owner.uid, owner.gid);
    }
    const first = input?.read ?? openSync(stdin, 'r');
    const streams = new CommandStreams([first, out.write, err.write], input !== undefined);
    streams.stdout = reader(out.read);
    streams.stderr = reader(err.read);
    if (input !== undefined) streams.#input = quiet(new Socket({ fd: input.write, readable: false }));
    return streams;
  }

  /** For a command that opens a terminal of its own root; call `connect` before. */
  static forTerminal(typing: boolean): CommandStreams {
    const nowhere = openSync('/dev/null', 'r+');
    return new CommandStreams([nowhere, nowhere, nowhere], typing);
  }

  /** Call before the command opens the terminal. */
  connect(pty: Pty): void {
    this.#pty = pty;
    this.stdout = this.#input = quiet(pty.stream());
  }

  /** Call once the command has been started, or has failed to start. */
  handedOver(): void {
    for (const fd of new Set(this.fds)) closeSync(fd);
  }

  /** Writes to standard input; without data, ends it. Resolves when there is room for more. */
  async write(data?: Uint8Array): Promise<void> {
    const input = this.#input;
    if (!this.#typing || input === undefined || input.destroyed) return;
    // The end of input does not end a terminal.
    if (data === undefined) {
      if (this.#pty === undefined) input.end();
    } else await new Promise<void>((resolve) => input.write(data, () => resolve()));
  }

  resize(size: TerminalSize): void {
    if (this.#pty === undefined || this.#input?.destroyed) return;
    this.#pty.resize(size);
    this.onResize(size);
  }

  /** Closes this end: programs at the other end of a terminal get SIGHUP. */
  hangUp(): void {
    this.stdout?.destroy();
    this.stderr?.destroy();
    this.#input?.destroy();
  }
}

function reader(fd: number): Readable {
  return quiet(new Socket({ fd, writable: false }));
}

/** Ignores errors of a stream: EPIPE is normal, and a terminal ends with EIO. */
function quiet<S extends Duplex>(stream: S): S {
  return stream.on('error', () => {});
}

/** The chunks of a stream, until it ends or its other end is closed. */
export async function* pieces(stream: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) yield piece;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EIO' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
