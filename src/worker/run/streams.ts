import { closeSync, fchownSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { TerminalSize } from '../../protocol/exec-request.ts';
import { pipe } from '../native.ts';
import { Pty } from './pty.ts';

/** What a command's standard streams are. None of them is one of this process's: a command could do things to that. */
export interface StreamsOptions {
  /** Absolute path of a file, or `typed`: what `CommandStreams.write` is given. */
  stdin: 'typed' | string;
  /**
   * Whose they are: a command may open its own /dev/stdout. Absent: this process's, until whoever becomes the command
   * in another user namespace hands them over.
   */
  owner?: { uid: number; gid: number } | undefined;
  /** All three are a terminal of this size, which is made; `stdin` says whether anything can be typed. */
  terminal?: TerminalSize;
  /** Makes that terminal; default: in this process's own /dev/pts. */
  make?: () => Pty;
}

/** The ends of a command's standard streams that this process has. */
export class CommandStreams {
  /** What the command, or whatever becomes it, is started with. To be closed here by `handedOver`. */
  readonly fds: [stdin: number, stdout: number, stderr: number];
  stdout: Readable | null = null;
  stderr: Readable | null = null;
  #input: Writable | undefined;
  #pty: Pty | undefined;
  /** Called with every new size, for a terminal behind this one. */
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

  /** For a command that opens a terminal of its own root by itself: see `connect`. */
  static forTerminal(typing: boolean): CommandStreams {
    const nowhere = openSync('/dev/null', 'r+');
    return new CommandStreams([nowhere, nowhere, nowhere], typing);
  }

  /** To be called before the command opens it. */
  connect(pty: Pty): void {
    this.#pty = pty;
    this.stdout = this.#input = quiet(pty.stream());
  }

  /** To be called when the command has been started, or could not be. */
  handedOver(): void {
    for (const fd of new Set(this.fds)) closeSync(fd);
  }

  /** Types something; without data that was all. Settles when there is room for more. */
  async write(data?: Uint8Array): Promise<void> {
    const input = this.#input;
    if (!this.#typing || input === undefined || input.destroyed) return;
    // Whoever closes a terminal does not type "end of file" into it.
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

/** What nobody reads or writes any more is no error of ours; a terminal ends with one. */
function quiet<S extends Duplex>(stream: S): S {
  return stream.on('error', () => {});
}

/** The pieces of a stream, until it ends or nobody is at the other end any more. */
export async function* pieces(stream: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) yield piece;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EIO' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
