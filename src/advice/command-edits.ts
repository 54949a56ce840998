import type { TextEdit } from '../dockerfile/text-edit.ts';
import type { ShellCommand, ShellWord } from './shell-commands.ts';
import type { DockerfileFacts, RunFacts } from './stage-facts.ts';

/** Puts an argument behind a word of a command. */
export function insertAfter({ end }: ShellWord, argument: string): TextEdit {
  return { start: end, end, text: ` ${argument}` };
}

export function replaceWord({ start, end }: ShellWord, text: string): TextEdit {
  return { start, end, text };
}

/** The word of a command with this text. */
export function wordOf({ words }: ShellCommand, text: string): ShellWord | undefined {
  return words.find((word) => word.text === text);
}

/**
 * Adds a command to the end of a RUN that is a chain of `&&`, on a line of its own as its other commands are. Undefined
 * for other scripts.
 */
export function appendCommand(
  { text }: DockerfileFacts,
  run: RunFacts,
  command: string,
): TextEdit[] | undefined {
  const { commands, instruction } = run;
  const last = commands.at(-1);
  if (last === undefined || instruction.heredocs.length > 0) return undefined;
  if (commands.slice(0, -1).some(({ next }) => next !== '&&') || last.next !== '') return undefined;
  const tail = text.slice(last.end).split(/\r?\n/, 1)[0]!;
  if (tail.trim() !== '') return undefined;
  const [, indent] = /\\[ \t]*\r?\n([ \t]+)/.exec(instruction.source) ?? [];
  const break_ = indent === undefined ? ' ' : ` \\\n${indent}`;
  return [{ start: last.end, end: last.end, text: `${break_}&& ${command}` }];
}
