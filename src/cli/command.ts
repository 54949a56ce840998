import type { Writable } from 'node:stream';

/** What a command gets from the process: tests hand in their own. */
export interface Io {
  stdin: NodeJS.ReadStream;
  stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Aborted on SIGINT and SIGTERM. */
  signal: AbortSignal;
}

/** One file of `src/cli/` exports one of these as `command`. */
export interface Command {
  /** The command deals with SIGINT and SIGTERM itself; `Io.signal` stays quiet. */
  ownsSignals?: boolean;
  /** Standard output gets an archive: that nobody reads it to its end is an error, and told. */
  writesArchives?: boolean;
  /** Its first argument is one of these, and flags may follow it: `builder prune --help`. */
  subcommands?: readonly string[];
  /** Usage, options and examples: the text of `jettison <name> --help`. */
  help: string;
  /**
   * @param args what follows the command's name
   * @returns the exit code: 0 done, 1 failed, 2 wrong command line
   * @throws JettisonError shown by `main.ts` in the one form that errors have
   */
  run(args: string[], io: Io): Promise<number>;
}
