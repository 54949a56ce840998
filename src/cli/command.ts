import type { Writable } from 'node:stream';
import { usageError } from '../errors/error.ts';
import { type FlagTable, readArguments, type Values, valuesOf } from './flag.ts';

/** A command's view of the process; tests pass their own. */
export interface Io {
  stdin: NodeJS.ReadStream;
  stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Aborted on SIGINT and SIGTERM. */
  signal: AbortSignal;
}

/** The texts of a command for `--help`, completion, the man page and the docs. */
export interface Description {
  /**
   * The command line, e.g. `jettison save [OPTIONS] IMAGE...`. It determines the number of arguments, and by their names
   * what completion offers: `IMAGE`, `CONTAINER`, `FILE`, `DIRECTORY`.
   */
  usage: string;
  /** Description: paragraphs separated by empty lines. */
  about: string;
  flags?: FlagTable;
  /** Further flags, which are described in the help of another command. */
  moreFlags?: FlagTable;
  /** Paragraphs after the flags. */
  notes?: string;
  /** Command lines, one a line. */
  examples?: readonly string[];
  /** Commands below this one, by the name that follows its own. */
  subcommands?: Record<string, Command>;
}

/** One file of `src/cli/commands/` exports one of these as `command`. */
export interface Command extends Description {
  /** The command handles SIGINT and SIGTERM itself; `Io.signal` is never aborted. */
  ownsSignals?: boolean;
  /** Flags end at the first argument: the rest belongs to another program. */
  runsPrograms?: boolean;
  /** It writes an archive to standard output: a closed pipe is reported as an error. */
  writesArchives?: boolean;
  /**
   * @param args arguments after the command's name
   * @returns the exit code: 0 success, 1 failure, 2 wrong command line
   * @throws JettisonError printed by `dispatch.ts`
   */
  run(args: string[], io: Io): Promise<number>;
}

/** A parsed command line. */
export interface Call<T> {
  flags: Values<T>;
  /** Whether a flag was given, also as `=false`. */
  has(flag: keyof T & string): boolean;
  args: string[];
  io: Io;
  /** `Usage: …`, the hint of errors about the command line. */
  usage: string;
}

/** Defines a command that parses its command line by its flag table. */
export function defineCommand<const T extends FlagTable>(
  definition: Omit<Command, 'run' | 'flags'> & {
    flags?: T;
    run(call: Call<T>): Promise<number>;
  },
): Command {
  return {
    ...definition,
    async run(line, io) {
      const { usage, flags = {} as T, runsPrograms, run } = definition;
      const hint = `Usage: ${usage}`;
      const { given, args } = readArguments(flags, line, { usage: hint, endAtArgument: runsPrograms });
      const values = valuesOf(flags, given, io);
      checkArguments(usage, args);
      const has = (flag: string) => given.some(({ name }) => name === flag);
      return run({ flags: values, has, args, io, usage: hint });
    },
  };
}

/** Defines a group of subcommands. */
export function defineGroup(definition: Description & { subcommands: Record<string, Command> }): Command {
  return {
    ...definition,
    async run([name, ...rest], io) {
      const { subcommands, usage } = definition;
      if (name !== undefined && Object.hasOwn(subcommands, name)) return subcommands[name]!.run(rest, io);
      const group = usage.split(' ')[1];
      throw usageError(
        name === undefined ? `${group} needs a command` : `unknown command "${group} ${name}"`,
        Object.values(subcommands)
          .map((command) => `Usage: ${command.usage}`)
          .join('\n'),
      );
    },
  };
}

/** Commands by name, each with its summary. A module is loaded when its command is used. */
export type CommandTable = Record<string, { summary: string; load: () => Promise<{ command: Command }> }>;

/** The first sentence of a command's description. */
export function summaryOf({ about }: Description): string {
  return /^.*?(?=\.\s|\.?$)/s.exec(about)![0].replace(/\s+/g, ' ');
}

/** An argument of a usage line. */
export interface Argument {
  /** Without brackets and dots: `NAME[:TAG]`. */
  name: string;
  optional: boolean;
  many: boolean;
}

/** The arguments of a usage line, after the command's words and `[OPTIONS]`. */
export function argumentsOf(usage: string): Argument[] {
  return usage
    .split(' ')
    .filter((word) => /^\[?[A-Z]/.test(word) && word !== '[OPTIONS]')
    .map((word) => {
      const many = word.includes('...');
      const bare = word.replace('...', '');
      const optional = bare.startsWith('[') && bare.endsWith(']');
      return { name: optional ? bare.slice(1, -1) : bare, optional, many };
    });
}

function checkArguments(usage: string, args: readonly string[]): void {
  const wanted = argumentsOf(usage);
  const missing = wanted.filter(({ optional }) => !optional)[args.length];
  if (missing !== undefined) throw usageError(`missing argument ${missing.name}`, `Usage: ${usage}`);
  const most = wanted.some(({ many }) => many) ? args.length : wanted.length;
  if (args.length > most) throw usageError(`unexpected argument "${args[most]}"`, `Usage: ${usage}`);
}
