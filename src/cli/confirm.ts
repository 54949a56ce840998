import { createInterface } from 'node:readline/promises';
import { usageError } from '../errors/error.ts';
import { visible } from '../errors/safe-text.ts';
import { unguarded } from '../errors/terminal-guard.ts';
import type { Io } from './command.ts';

/**
 * Asks before something is deleted. Without a terminal `-f` is required.
 *
 * @throws JettisonError `USAGE` when standard input is not a terminal
 */
export function confirm(io: Io, warning: string): Promise<boolean> {
  const question = `${visible(warning)}\nAre you sure you want to continue?`;
  return ask(io, question, 'Add -f to delete without confirmation.');
}

/**
 * Asks a question. Only `y` and `yes` mean yes.
 *
 * @param question printable
 * @param hint of the error: the flag that replaces the question
 * @throws JettisonError `USAGE` when standard input is not a terminal
 */
export async function ask(io: Io, question: string, hint: string): Promise<boolean> {
  if (io.stdin.isTTY !== true) {
    throw usageError('cannot ask for confirmation: standard input is not a terminal', hint);
  }
  const terminal = createInterface({ input: io.stdin, output: unguarded(io.stderr) });
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: io.signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
