import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { JettisonError } from '../errors/error.ts';
import type { TerminalSize } from '../protocol/exec-request.ts';

/** The standard streams of a command in the foreground. */
export interface RunStreams {
  stdin: NodeJS.ReadStream;
  stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  stderr: Writable;
}

/** Where a command runs that takes what is typed here. */
interface TypedInto {
  input(data?: Uint8Array): Promise<void>;
  resize(size: TerminalSize): void;
}

const USUAL_SIZE: TerminalSize = { rows: 24, columns: 80 };

/**
 * Checks that there is something to type on.
 *
 * @throws JettisonError `NOT_A_TERMINAL`
 */
export function needTerminal({ stdin }: RunStreams, interactive: boolean): void {
  if (!interactive || stdin.isTTY) return;
  throw new JettisonError('NOT_A_TERMINAL', 'the input device is not a TTY', {
    hint: 'Leave -t out: with -i alone the command reads a pipe.',
  });
}

/** How much the terminal shows. */
export function terminalSize({ stdout }: Pick<RunStreams, 'stdout'>): TerminalSize {
  const { rows, columns } = stdout;
  return rows && columns ? { rows, columns } : USUAL_SIZE;
}

/**
 * Copies what is typed here to a command, and tells it of changes of the terminal's size. With a terminal of the
 * command's own every key is for that, Ctrl-C too: this process's is set to hand them on as they are.
 *
 * @returns a function that ends this and sets the terminal back. It is also set back by Node when this process exits.
 */
export function typeInto(
  command: TypedInto,
  streams: RunStreams,
  { typed, terminal }: { typed: boolean; terminal: boolean },
): () => void {
  const ends: (() => void)[] = [];
  const { stdin, stdout } = streams;
  if (terminal) {
    surviveHangUp();
    const resize = () => command.resize(terminalSize(streams));
    // Since it was looked at last.
    resize();
    stdout.on('resize', resize);
    ends.push(() => stdout.off('resize', resize));
  }
  if (typed) {
    if (terminal && stdin.isTTY) ends.push(setRaw(stdin));
    ends.push(copyInput(stdin, command));
  }
  return () => {
    for (const end of ends.reverse()) end();
  };
}

/** Node aborts at its end when a terminal that it began with is gone: it cannot set it back. */
function surviveHangUp(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.once('exit', () => {
    for (const fd of terminals) if (!isatty(fd)) closeSync(fd);
  });
}

function copyInput(stdin: RunStreams['stdin'], command: TypedInto): () => void {
  const take = (data: Uint8Array) => {
    stdin.pause();
    void command.input(data).then(() => {
      if (!ended) stdin.resume();
    });
  };
  const end = () => void command.input();
  let ended = false;
  stdin.on('data', take).on('end', end).on('error', end);
  return () => {
    ended = true;
    stdin.off('data', take).off('end', end);
    stdin.pause();
    // Else one that nobody ends would keep this process alive.
    stdin.unref?.();
  };
}

function setRaw(stdin: RunStreams['stdin']): () => void {
  const set = () => {
    stdin.setRawMode(true);
    // Node's raw mode still changes what is printed, which the command's own terminal has done.
    spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  };
  const again = () => {
    stdin.setRawMode(false);
    set();
  };
  set();
  // Whoever stopped this process has set the terminal to its own liking.
  process.on('SIGCONT', again);
  return () => {
    process.off('SIGCONT', again);
    if (!stdin.destroyed) stdin.setRawMode(false);
  };
}
