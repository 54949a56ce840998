import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fchownSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import { tooLong } from './command.ts';
import { pipe } from './native.ts';
import { commandBelow } from './processes.ts';
import { needTool } from './tools.ts';
import type { User } from './user.ts';

/** How a command is started in a root of its own: what differs from rung to rung. */
export interface Launch {
  /** The words that start the first process's shell: namespaces, if any. */
  wrapper: string[];
  /** What the shell does until everything is ready for the command, as lines. */
  setUp: string[];
  /** The words, quoted for the shell, that become the command; `"$@"` stands for `args`. */
  command: string;
  args: string[];
  /** Variables of the shell. */
  variables: Record<string, string>;
  /** How many processes are above the command: the shell alone, or a runtime, too. */
  depth: 1 | 2;
}

export interface SandboxOptions {
  /** Absolute path of the run's folder: the shell's working directory, so that mounts may use short paths. */
  folder: string;
  launch: Launch;
  user: User;
  stdio: 'stream' | 'inherit';
  /** `inherit`, or absolute path of a file. */
  stdin: string;
  /**
   * Called when the root is there, before the command starts.
   *
   * @param first process id of the sandbox's first process, seen from here
   */
  prepare?: (first: number) => Promise<void>;
}

/** The channel between this process and the sandbox's first process, as a file descriptor of the latter. */
const CHANNEL = 3;

/**
 * A running command with namespaces of its own. Its first process is a small shell script outside the root,
 * which mounts what the root consists of, starts the command, and waits for it. When that process ends, for
 * whatever reason, the kernel kills everything in its process id namespace and drops all mounts.
 *
 * That process must not become the command: a process that changes its user loses the death signal by which
 * it ends together with this worker.
 */
export class Sandbox {
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Settles when everything of the sandbox is gone: the command's exit code, 128 + n after signal n. */
  readonly exit: Promise<number>;
  readonly #channel: Duplex;
  readonly #depth: number;
  #first = 0;
  #said = '';

  private constructor({ process, stdout, stderr }: Spawned, depth: number) {
    this.#depth = depth;
    this.stdout = stdout;
    this.stderr = stderr;
    this.#channel = process.stdio[CHANNEL] as Duplex;
    // A script that ends early closes the channel under our feet; its exit tells.
    this.#channel.on('error', () => {});
    this.exit = once(process, 'exit').then(([code, signal]: (number | null | string)[]) => {
      // Its number may soon be another process's.
      this.#first = 0;
      return typeof code === 'number' ? code : 128 + constants.signals[signal as NodeJS.Signals];
    });
  }

  /**
   * Builds the root and starts the command.
   *
   * @throws JettisonError `RUN_SETUP` when the root cannot be mounted, `TOOL_MISSING`
   */
  static async start(options: SandboxOptions): Promise<Sandbox> {
    const sandbox = new Sandbox(spawnSandbox(options), options.launch.depth);
    await sandbox.#becomeReady(options.prepare);
    return sandbox;
  }

  /** Process id of the first process, seen from here; 0 when it has ended. */
  get first(): number {
    return this.#first;
  }

  /** Kills the command and everything that it left. */
  kill(): void {
    signal(this.#first, 'SIGKILL');
  }

  /** Sends a signal to the command; not to processes that it started. */
  signal(name: NodeJS.Signals): void {
    signal(commandBelow(this.#first, this.#depth) ?? 0, name);
  }

  /**
   * Waits until the root is mounted, and lets the command start. The answer is what makes an orphan
   * impossible: a script whose worker died before the kernel knew that it must die with it gets none.
   */
  async #becomeReady(prepare: SandboxOptions['prepare']): Promise<void> {
    this.#channel.setEncoding('utf8');
    for await (const text of this.#channel.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
      this.#said += text;
      const ready = /^ready (\d+)\n/m.exec(this.#said);
      if (ready !== null) {
        this.#first = Number(ready[1]);
        this.#channel.resume();
        try {
          await prepare?.(this.#first);
        } catch (error) {
          this.kill();
          await this.exit;
          throw error;
        }
        this.#channel.write('go\n');
        return;
      }
    }
    await this.exit;
    throw new JettisonError(
      'RUN_SETUP',
      `the root for RUN could not be put together:\n${this.#said.trim()}`,
      {
        hint: 'Run `jettison doctor`: it says what this machine allows.',
      },
    );
  }
}

interface Spawned {
  process: ChildProcess;
  /** Null where the worker's own is used. */
  stdout: Readable | null;
  stderr: Readable | null;
}

function spawnSandbox(options: SandboxOptions): Spawned {
  const { stdio, user, launch } = options;
  const [program, ...args] = [
    ...[needTool('setpriv'), '--pdeathsig=KILL', '--', ...launch.wrapper],
    // What the command can see of this process in /proc says nothing about the machine.
    ...[needTool('sh'), '-c', 'eval "$JETTISON_SCRIPT"', 'jettison', ...launch.args],
  ] as [string, ...string[]];
  const stdin = options.stdin === 'inherit' ? 'inherit' : openSync(options.stdin, 'r');
  const pipes = stdio === 'inherit' ? [] : [pipe(), pipe()];
  // The command's user may open its own /dev/stdout, as in other containers.
  for (const { write } of pipes) fchownSync(write, user.uid, user.gid);
  const [stdout = 'inherit', stderr = 'inherit'] = pipes.map(({ write }) => write);
  try {
    const process = spawn(program, args, {
      cwd: options.folder,
      // None of the image's variables: the first programs run with the machine's root directory.
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C',
        // The newer mount interface of the kernel takes no option longer than 255 bytes.
        LIBMOUNT_FORCE_MOUNT2: 'always',
        JETTISON_SCRIPT: script(launch),
        ...launch.variables,
      },
      stdio: [stdin, stdout, stderr, 'pipe'],
      // A session of its own, unless it shares the terminal: Ctrl-C is for control to deal with.
      detached: stdio === 'stream' && stdin !== 'inherit',
    });
    const [out = null, err = null] = pipes.map(({ read }) => new Socket({ fd: read, writable: false }));
    return { process, stdout: out, stderr: err };
  } catch (error) {
    for (const { read } of pipes) closeSync(read);
    throw (error as NodeJS.ErrnoException).code === 'E2BIG' ? tooLong() : error;
  } finally {
    for (const fd of [stdin, stdout, stderr]) if (typeof fd === 'number') closeSync(fd);
  }
}

/** What the first process does, as a POSIX shell script. Its arguments are the launch's. */
function script({ setUp, command }: Launch): string {
  return [
    // Complaints of the mounting go to the worker, only the command's own output to its standard error.
    `exec 4>&2 2>&${CHANNEL}`,
    'read -r first rest </proc/self/stat',
    'umask 022',
    ...setUp,
    `echo "ready $first" >&${CHANNEL}`,
    `read -r go <&${CHANNEL} || exit 1`,
    // In a subshell: what the shell itself says of a command that a signal ended is not the command's output.
    `( exec ${command} 2>&4 4>&- ${CHANNEL}>&- )`,
    'exit $?',
  ].join('\n');
}

function signal(pid: number, name: NodeJS.Signals): void {
  // 0 would be this process's whole group.
  if (pid <= 0) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
