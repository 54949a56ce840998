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

/** A command that takes this process's input. */
interface TypedInto {
  input(data?: Uint8Array): Promise<void>;
  resize(size: TerminalSize): void;
}

const USUAL_SIZE: TerminalSize = { rows: 24, columns: 80 };

/**
 * Checks that standard input is a terminal.
 *
 * @throws JettisonError `NOT_A_TERMINAL`
 */
export function needTerminal({ stdin }: RunStreams, interactive: boolean): void {
  if (!interactive || stdin.isTTY) return;
  throw new JettisonError('NOT_A_TERMINAL', 'the input device is not a TTY', {
    hint: 'Omit -t: with -i alone the command reads from a pipe.',
  });
}

/** The terminal's size in characters. */
export function terminalSize({ stdout }: Pick<RunStreams, 'stdout'>): TerminalSize {
  const { rows, columns } = stdout;
  return rows && columns ? { rows, columns } : USUAL_SIZE;
}

/**
 * Copies standard input to a command, and forwards changes of the terminal's size. If the command has a terminal, this
 * process's is set raw, so that the command gets every key, including Ctrl-C.
 *
 * @returns a function that stops, and resets the terminal. Node also resets it when this process exits.
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
    // The size may have changed since the command was started.
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

/** Avoids an abort of Node at exit: it cannot reset a terminal that has gone. */
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
    // Otherwise an open input would keep this process alive.
    stdin.unref?.();
  };
}

function setRaw(stdin: RunStreams['stdin']): () => void {
  const set = () => {
    stdin.setRawMode(true);
    // Node's raw mode leaves output processing on, which the command's own terminal already does.
    spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  };
  const again = () => {
    stdin.setRawMode(false);
    set();
  };
  set();
  // The shell changed the terminal's settings while this process was stopped.
  process.on('SIGCONT', again);
  return () => {
    process.off('SIGCONT', again);
    if (!stdin.destroyed) stdin.setRawMode(false);
  };
}
