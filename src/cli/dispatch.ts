import { wantsColor } from '../errors/style.ts';
import { guarded } from '../errors/terminal-guard.ts';
import { VERSION } from '../version.ts';
import type { Command, Io } from './command.ts';
import { commands } from './commands.ts';

/** The exit code after a closed pipe on standard output: 128 + SIGPIPE, as for any Unix program. */
export const EXIT_PIPE_CLOSED = 141;

/**
 * Runs the command line: loads the module of its command (and no other), handles `--help` and `--version`, and prints
 * the error of the command.
 *
 * @param starting called with the command directly before it runs
 * @returns the exit code of the process
 */
export async function dispatch(
  argv: readonly string[],
  io: Io,
  starting: (command: Command) => void = () => {},
): Promise<number> {
  const shown = guardedIo(io);
  let command: Command | undefined;
  try {
    const [name, ...args] = argv;
    if (name === undefined || name === '--help' || name === '-h') return print(io, await overview());
    if (name === '--version' || name === '-v') return print(io, `${VERSION}\n`);
    if (name === 'help') {
      const [topic, subtopic] = args;
      if (topic === undefined) return print(io, await overview());
      const described = await load(topic);
      return print(io, await helpOf(subcommandOf(described, subtopic) ?? described));
    }
    command = await load(name);
    const below = subcommandOf(command, args[0]);
    if (asksForHelp(below === undefined ? args : args.slice(1)))
      return print(io, await helpOf(below ?? command));
    starting(command);
    return await command.run(args, shown);
  } catch (error) {
    const { reportError } = await import('./print/error-report.ts');
    return reportError(error, shown);
  }
}

/** Streams that escape control characters on a terminal, made on first use. */
function guardedIo(io: Io): Io {
  const guards: { stdout?: Io['stdout']; stderr?: Io['stderr'] } = {};
  const guard = (stream: Io['stdout']) => guarded(stream, wantsColor(stream, io.env));
  return {
    get stdin() {
      return io.stdin;
    },
    get stdout() {
      guards.stdout ??= guard(io.stdout);
      return guards.stdout;
    },
    get stderr() {
      guards.stderr ??= guard(io.stderr);
      return guards.stderr;
    },
    env: io.env,
    cwd: io.cwd,
    signal: io.signal,
  };
}

async function load(name: string): Promise<Command> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const { unknownCommand } = await import('./unknown.ts');
    throw unknownCommand(name, Object.keys(commands));
  }
  return (await entry.load()).command;
}

/** Whether there is a `--help` before the first argument. Words after it may belong to another program. */
function asksForHelp(args: readonly string[]): boolean {
  for (const arg of args) {
    if (arg === '--help') return true;
    if (arg === '--' || !arg.startsWith('-')) return false;
  }
  return false;
}

function subcommandOf({ subcommands = {} }: Command, name: string | undefined): Command | undefined {
  return name !== undefined && Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
}

async function helpOf(command: Command): Promise<string> {
  return (await import('./help.ts')).helpText(command);
}

async function overview(): Promise<string> {
  return (await import('./help.ts')).overview();
}

function print(io: Io, text: string): number {
  io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  return 0;
}
