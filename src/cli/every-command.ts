import { type Command, type CommandTable, summaryOf } from './command.ts';

/** A command, or a subcommand. */
export interface NamedCommand {
  /** The words that follow `jettison`: `builder prune`. */
  name: string;
  /** One line. */
  summary: string;
  command: Command;
}

/** All commands and subcommands, in the overview's order. Loads the modules of all of them. */
export async function everyCommand(commands: CommandTable): Promise<NamedCommand[]> {
  const all: NamedCommand[] = [];
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const { command } = await load();
    all.push({ name, summary, command });
    for (const [word, below] of Object.entries(command.subcommands ?? {})) {
      all.push({ name: `${name} ${word}`, summary: summaryOf(below), command: below });
    }
  }
  return all;
}
