import { type ChildProcess, execFileSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { ReadStream } from 'node:tty';
import type { TerminalSize } from '../../src/protocol/exec-request.ts';
import { Pty } from '../../src/worker/run/pty.ts';
import type { TestCommand } from './command.ts';
import { eventually } from './sandbox.ts';

/** Makes its standard streams a terminal, which the session of this process gets, and goes on as another program. */
const ON_TERMINAL = ['sh', '-c', 'exec "$@" 0<>"$0" 1>&0 2>&0'];

/** A command on a terminal, and a person before it. */
export class TestTerminal {
  /** All that has been shown. */
  text = '';
  /** Exit code or signal. */
  readonly end: Promise<number | string | null>;
  readonly #stream: ReadStream;

  private constructor(
    readonly child: ChildProcess,
    private readonly pty: Pty,
    private readonly peer: number,
    private readonly before: string,
  ) {
    this.#stream = pty.stream();
    this.#stream.on('error', () => {}).setEncoding('latin1');
    this.#stream.on('data', (text: unknown) => {
      this.text += text as string;
    });
    const exited = new Promise<number | string | null>((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal));
    });
    this.end = exited.then(async (result) => {
      // What it printed last may still be on its way.
      for (let before = -1; before !== this.text.length; ) {
        before = this.text.length;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return result;
    });
  }

  /** @param before words that start the command on the terminal */
  static open(
    jettison: Pick<TestCommand, 'uid' | 'start'>,
    args: readonly string[],
    options: { size?: TerminalSize; before?: readonly string[] } = {},
  ): TestTerminal {
    const pty = Pty.open(options.size ?? { rows: 31, columns: 97 });
    const path = `/dev/pts/${pty.number}`;
    // Kept open: else what is printed last is lost, and settings cannot be looked at.
    const peer = pty.openPeer({ uid: jettison.uid });
    const settings = settingsOf(path);
    const child = jettison.start(args, { before: [...ON_TERMINAL, path, ...(options.before ?? [])] });
    return new TestTerminal(child, pty, peer, settings);
  }

  /** Whether the terminal is set as it was before. */
  get isRestored(): boolean {
    return settingsOf(`/dev/pts/${this.pty.number}`) === this.before;
  }

  /** What it is called in /dev/pts. */
  get number(): number {
    return this.pty.number;
  }

  type(text: string | Buffer): void {
    this.#stream.write(text);
  }

  resize(size: TerminalSize): void {
    this.pty.resize(size);
  }

  async shows(text: string): Promise<void> {
    await eventually(`the terminal shows ${text}`, () => this.text.includes(text)).catch((error: unknown) => {
      throw new Error(`${String(error)}: it shows ${JSON.stringify(this.text.slice(-2000))}`);
    });
  }

  /** The window is closed. */
  close(): void {
    closeSync(this.peer);
    this.#stream.destroy();
  }
}

function settingsOf(path: string): string {
  return execFileSync('stty', ['-F', path, '-g'], { encoding: 'utf8' });
}
