import type { DebugStop } from '../build/debug.ts';
import { JettisonError } from '../errors/error.ts';
import { style, wantsColor } from '../errors/style.ts';
import { quote } from '../fields/shell-quote.ts';
import { terminalSize } from '../run/terminal.ts';
import type { Io } from './command.ts';

/** The command to run where a build has stopped: a shell command, a program with arguments, or neither for a shell. */
export interface Looking {
  command?: string;
  args?: string[];
}

export function isShell({ command, args }: Looking): boolean {
  return command === undefined && args === undefined;
}

/** @throws JettisonError `NOT_A_TERMINAL` for a shell without a terminal */
export function needTerminalFor(looking: Looking, io: Io): void {
  if (!isShell(looking) || (io.stdin.isTTY && io.stdout.isTTY)) return;
  throw new JettisonError(
    'NOT_A_TERMINAL',
    'cannot open a shell: standard input or output is not a terminal',
    {
      hint: "Give a command: jettison debug -c 'ls -l' or jettison debug -- COMMAND; or run this in a terminal.",
    },
  );
}

/** Runs a command, or a shell on the terminal, where a build has stopped. @returns its exit code */
export function lookAround(stop: DebugStop, { command, args }: Looking, io: Io): Promise<number> {
  if (args !== undefined) return stop.run({ args }, io);
  const candidates = [...shellOf(stop.step.args), ['/bin/sh']];
  if (command !== undefined) {
    return stop.run({ shell: { candidates, command, startup: '' } }, io);
  }
  io.stderr.write(greeting(stop, io));
  const term = io.env['TERM'];
  return stop.run(
    {
      terminal: terminalSize(io),
      shell: { candidates, startup: startup(stop) },
      ...(term === undefined ? {} : { env: [`TERM=${term}`] }),
    },
    io,
  );
}

/** The shell of a RUN in shell form, with its options. */
function shellOf(args: readonly string[]): string[][] {
  return args.at(-2) === '-c' ? [args.slice(0, -2)] : [];
}

/** The lines above the first prompt: the instruction, its state, and the commands to use. */
function greeting({ title, location, failure, isAfter }: DebugStop, io: Io): string {
  const paint = style(wantsColor(io.stderr, io.env));
  const how =
    failure === undefined
      ? `${isAfter ? 'It has run' : 'It has not run yet'}.`
      : failure.timedOut
        ? 'It took too long and was killed. Its changes are here.'
        : `It failed with exit code ${failure.exitCode}. Its changes are here.`;
  return [
    `${paint.cyan(`${location.file}:${location.line}`)} ${paint.bold(short(title))}`,
    how,
    `${paint.bold('again')} runs it${isAfter || failure ? ' again' : ''}, ${paint.bold('exit')} leaves; your changes are discarded.`,
    '',
  ].join('\n');
}

/** The startup file of a POSIX shell: a prompt with stage and line, and the RUN's command as the function `again`. */
function startup({ stage, location, step }: DebugStop): string {
  const isRoot = /^(root|0)?(:|$)/.test(step.user);
  return [
    `PS1='debug ${stage}:${location.line} $PWD ${isRoot ? '#' : '$'} '`,
    `again() { (cd ${quote(step.cwd)} && ${step.args.map(quote).join(' ')}); }`,
    '',
  ].join('\n');
}

/** The beginning of a long instruction. */
function short(title: string): string {
  return title.length > 90 ? `${title.slice(0, 89)}…` : title;
}
