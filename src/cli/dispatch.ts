import { wantsColor } from '../errors/style.ts';
import { guarded } from '../errors/terminal-guard.ts';
import type { Command, Io } from './command.ts';
import { commands } from './commands.ts';
import { VERSION } from './version.ts';

/** The exit code of a program whose reader went away: 128 + SIGPIPE, as for any other Unix program. */
export const EXIT_PIPE_CLOSED = 141;

/**
 * Runs the command line: finds the command, loads its module (and no other), answers `--help` and
 * `--version`, and shows the error that comes out.
 *
 * @param starting called with the command just before it runs
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

/** Whether a flag before the first argument asks for help; what follows may be meant for another program. */
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
