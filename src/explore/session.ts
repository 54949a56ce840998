import { closeSync, existsSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import { size } from '../events/units.ts';
import type { Effect, Explorer } from './explorer.ts';
import { KeyDecoder } from './keys.ts';
import { SHOWN_BYTES } from './page.ts';
import { type ContentSink, readContent } from './read-content.ts';
import { render } from './render.ts';
import { Screen } from './screen.ts';
import type { Wanted } from './subject.ts';
import { SIGNS } from './text.ts';

/** A terminal: its input and output. */
export interface ExploreTerminal {
  input: NodeJS.ReadableStream & {
    setRawMode(raw: boolean): unknown;
    destroyed?: boolean;
    unref?(): unknown;
  };
  output: Writable & { columns?: number; rows?: number };
}

export interface SessionOptions {
  terminal: ExploreTerminal;
  color: boolean;
  /** The terminal shows ASCII only. */
  ascii: boolean;
  /** Files are saved relative to this. */
  cwd: string;
  signal: AbortSignal;
}

/** Turns on the alternate screen, hides the cursor and turns off line wrap; then the reverse. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** How long the rest of an escape sequence may take, in milliseconds. */
const ESCAPE_MS = 40;
const PROGRESS_MS = 100;
/** Signals besides those that abort a command: each would end the process without restoring the terminal. */
const DEADLY = ['SIGHUP', 'SIGQUIT'] as const;

/**
 * Runs the explorer on a terminal until the user quits. The terminal's state is restored however that ends: by a key, a
 * signal, an error, or `process.exit`.
 *
 * @throws the reason of `signal`, when that is aborted
 */
export async function explore(explorer: Explorer, options: SessionOptions): Promise<void> {
  const session = new Session(explorer, options);
  await session.run();
}

class Session {
  readonly #screen: Screen;
  readonly #keys = new KeyDecoder();
  #escape: NodeJS.Timeout | undefined;
  #entered = false;
  #reading: AbortController | undefined;
  #end: { resolve: () => void; reject: (error: unknown) => void } | undefined;

  constructor(
    readonly explorer: Explorer,
    readonly options: SessionOptions,
  ) {
    const signs = options.ascii ? SIGNS.ascii : SIGNS.unicode;
    this.#screen = new Screen({ color: options.color, ascii: options.ascii, ellipsis: signs.ellipsis });
  }

  async run(): Promise<void> {
    const { signal, terminal } = this.options;
    const { input, output } = terminal;
    signal.throwIfAborted();
    const leave = () => this.#leave();
    const abort = () => this.#fail(signal.reason);
    const die = (name: NodeJS.Signals) => {
      this.#leave();
      process.kill(process.pid, name);
    };
    const resize = () => this.#guard(() => this.#resized());
    const type = (bytes: Buffer) => this.#guard(() => this.#typed(this.#keys.push(bytes)));
    const again = () => this.#guard(() => this.#enter());
    const gone = () => this.#end?.resolve();
    process.once('exit', leave);
    for (const name of DEADLY) process.once(name, die);
    process.on('SIGCONT', again);
    signal.addEventListener('abort', abort);
    output.on('resize', resize);
    input.on('data', type).on('end', gone).on('error', gone);
    try {
      await new Promise<void>((done, failed) => {
        this.#end = { resolve: done, reject: failed };
        this.#guard(() => this.#enter());
        input.resume();
      });
    } finally {
      this.#reading?.abort();
      clearTimeout(this.#escape);
      this.#leave();
      input.off('data', type).off('end', gone);
      input.pause();
      input.unref?.();
      output.off('resize', resize);
      signal.removeEventListener('abort', abort);
      process.off('SIGCONT', again);
      for (const name of DEADLY) process.off(name, die);
      process.off('exit', leave);
    }
  }

  #enter(): void {
    const { input, output } = this.options.terminal;
    // Once more after a stop: the shell has changed the terminal's mode.
    if (this.#entered) input.setRawMode(false);
    input.setRawMode(true);
    output.write(ENTER);
    this.#entered = true;
    this.#resized();
  }

  #leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    const { input, output } = this.options.terminal;
    output.write(LEAVE);
    if (!input.destroyed) input.setRawMode(false);
  }

  #resized(): void {
    const { columns, rows } = this.options.terminal.output;
    this.explorer.resize({ columns: columns || 80, rows: rows || 24 });
    this.#screen.reset();
    this.#draw();
  }

  #draw(): void {
    if (!this.#entered) return;
    const signs = this.options.ascii ? SIGNS.ascii : SIGNS.unicode;
    const codes = this.#screen.draw(render(this.explorer, signs));
    if (codes !== '') this.options.terminal.output.write(codes);
  }

  #typed(keys: readonly string[]): void {
    clearTimeout(this.#escape);
    for (const key of keys) {
      const effect = this.explorer.press(key);
      if (effect !== undefined) this.#carryOut(effect);
    }
    if (this.#keys.isPending) {
      this.#escape = setTimeout(() => this.#guard(() => this.#typed(this.#keys.flush())), ESCAPE_MS);
    }
    this.#draw();
  }

  #carryOut(effect: Effect): void {
    if (effect.do === 'quit') this.#end?.resolve();
    else if (effect.do === 'redraw') this.#screen.reset();
    else if (effect.do === 'cancel') this.#reading?.abort();
    else if (effect.do === 'suspend') this.#suspend();
    else if (effect.do === 'read') void this.#read(effect.file);
    else void this.#save(effect.file, effect.to);
  }

  /** As ^Z does everywhere; `SIGCONT` brings the screen back. */
  #suspend(): void {
    this.#leave();
    process.kill(0, 'SIGTSTP');
  }

  async #read(file: Wanted): Promise<void> {
    let chunks: Buffer[] = [];
    let room = SHOWN_BYTES;
    const sink: ContentSink = {
      restart: () => {
        chunks = [];
        room = SHOWN_BYTES;
      },
      write: (chunk) => {
        if (room === 0) return;
        chunks.push(Buffer.from(chunk.subarray(0, room)));
        room -= Math.min(room, chunk.length);
      },
    };
    await this.#reads(`reading /${file.path}`, file, sink, () => {
      this.explorer.opened(file, Buffer.concat(chunks));
    });
  }

  async #save(file: Wanted, to: string): Promise<void> {
    const path = resolve(this.options.cwd, to);
    const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
    let fd: number | undefined;
    try {
      if (existsSync(path)) throw new JettisonError('SAVE_EXISTS', `${to} exists: choose another name`);
      fd = openSync(temporary, 'wx', (file.mode & 0o111) !== 0 ? 0o777 : 0o666);
      const opened = fd;
      let at = 0;
      const sink: ContentSink = {
        restart: () => {
          at = 0;
          ftruncateSync(opened);
        },
        write: (chunk) => {
          for (let done = 0; done < chunk.length; )
            done += writeSync(opened, chunk, done, chunk.length - done, at + done);
          at += chunk.length;
        },
      };
      await this.#reads(`saving ${to}`, file, sink, () => {
        renameSync(temporary, path);
        this.explorer.note(`saved ${size(file.size)} as ${to}`);
      });
    } catch (error) {
      this.explorer.note(
        error instanceof JettisonError ? error.message : `cannot save ${to}: ${(error as Error).message}`,
        true,
      );
    } finally {
      if (fd !== undefined) {
        closeSync(fd);
        rmSync(temporary, { force: true });
      }
      this.#guard(() => this.#draw());
    }
  }

  /** Reads a file and shows the progress; only one at a time. */
  async #reads(what: string, file: Wanted, sink: ContentSink, then: () => void): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    const { image } = this.explorer.inspection;
    let moved = 0;
    let last = Date.now();
    const progress = (count: number) => {
      moved += count;
      if (Date.now() - last < PROGRESS_MS || reading.signal.aborted) return;
      last = Date.now();
      this.explorer.busy = `${what}: ${size(moved)} of layer ${file.layer + 1} read`;
      this.#guard(() => this.#draw());
    };
    try {
      await readContent(image.layers[file.layer]!, file, sink, { signal: reading.signal, onBytes: progress });
      reading.signal.throwIfAborted();
      then();
    } catch (error) {
      if (this.#reading !== reading) return;
      if (reading.signal.aborted) this.explorer.note('cancelled');
      else this.explorer.note((error as Error).message, true);
    } finally {
      this.#guard(() => this.#draw());
    }
  }

  /** An error in the explorer ends the command, after the terminal is restored. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#leave();
    this.#end?.reject(error);
  }
}
