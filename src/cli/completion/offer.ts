import { argumentsOf, type Command } from '../command.ts';
import type { NamedCommand } from '../every-command.ts';
import type { Flag, FlagTable } from '../flag.ts';

/** The offers for a word: fixed words, or names to look up. */
export type Offer =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'files' | 'folders' | 'images' | 'containers' | 'nothing' };

/** Shell commands that print names, one per line. The scripts remove images without a name. */
export const LOOK_UPS = {
  images: "command jettison images --format '{{.Repository}}:{{.Tag}}'",
  containers: "command jettison ps -a --format '{{.Names}}'",
} as const;

/** A command without subcommands, for completion. */
export interface CompletedCommand {
  name: string;
  summary: string;
  flags: FlagTable;
  /** Offers for each argument. With `repeats` the last one is for all further arguments. */
  args: Offer[];
  repeats: boolean;
  /** The first argument ends the flags. */
  runsPrograms: boolean;
}

export function completedCommands(commands: readonly NamedCommand[]): CompletedCommand[] {
  return commands
    .filter(({ command }) => command.subcommands === undefined)
    .map(({ name, summary, command }) => {
      const args = argumentsOf(command.usage);
      return {
        name,
        summary,
        flags: { ...command.moreFlags, ...command.flags },
        args: args.map((argument) => argumentOffer(name, argument.name)),
        repeats: args.at(-1)?.many ?? false,
        runsPrograms: command.runsPrograms ?? false,
      };
    });
}

/** The names of commands that have subcommands. */
export function groupsOf(commands: readonly NamedCommand[]): { name: string; command: Command }[] {
  return commands.filter(({ command }) => command.subcommands !== undefined);
}

/** The values that a flag offers; undefined for a switch. */
export function flagOffer({ value, values, suggest }: Flag): Offer | undefined {
  if (value === undefined) return undefined;
  const words = values ?? suggest;
  return words === undefined ? placeholderOffer(value) : { kind: 'words', words };
}

function argumentOffer(command: string, placeholder: string): Offer {
  if (command === 'completion') return { kind: 'words', words: SHELLS };
  return placeholderOffer(placeholder);
}

/** Shells that a script can be printed for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

function placeholderOffer(placeholder: string): Offer {
  const [word = ''] = /^[A-Z]+/.exec(placeholder) ?? [];
  if (['IMAGE', 'REPOSITORY', 'NAME'].includes(word) && !placeholder.includes('=')) return { kind: 'images' };
  if (word === 'CONTAINER') return { kind: 'containers' };
  if (word === 'FILE') return { kind: 'files' };
  if (['FOLDER', 'DIR', 'DIRECTORY', 'PATH'].includes(word)) return { kind: 'folders' };
  return { kind: 'nothing' };
}
