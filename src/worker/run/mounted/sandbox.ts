import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { JettisonError } from '../../../errors/error.ts';
import { tooLong } from '../../../launch/command-lookup.ts';
import type { Environment } from '../../../launch/environment.ts';
import type { MountLine } from '../../../launch/mount-table.ts';
import type { RootPlan } from '../../../launch/rootfs.ts';
import { quote } from '../../../launch/setup-lines.ts';
import { commandBelow } from '../../../machine/processes.ts';
import { shortageIn } from '../../../machine/shortage.ts';
import { needTool } from '../../../machine/tools.ts';
import type {
  CommandNetwork,
  SeccompProfile,
  TerminalSize,
  Ulimit,
  User,
} from '../../../protocol/exec-request.ts';
import type { Isolation } from '../../../protocol/rung.ts';
import type { StartHooks } from '../command-root.ts';
import { Pty, resizeTerminalOf } from '../pty.ts';
import type { RunFolder } from '../run-folder.ts';
import { CommandStreams } from '../streams.ts';

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
  /**
   * Where a terminal of the root's own is opened: its /dev, relative to the root and without symlinks. Absent: the
   * runtime makes one, and copies what goes through it from and to that of the sandbox.
   */
  dev?: string;
}

export interface SandboxOptions extends Partial<StartHooks> {
  /** Absolute path of the run's folder: the shell's working directory, so that mounts may use short paths. */
  folder: string;
  launch: Launch;
  user: User;
  /** `typed`, or absolute path of a file: see `StreamsOptions`. */
  stdin: string;
  terminal?: TerminalSize;
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
  /** Settles when everything of the sandbox is gone: the command's exit code, 128 + n after signal n. */
  readonly exit: Promise<number>;
  readonly streams: CommandStreams;
  readonly #channel: Duplex;
  readonly #depth: number;
  #first = 0;
  #isKilled = false;
  #said = '';

  private constructor(
    process: ChildProcess,
    streams: CommandStreams,
    { depth, dev }: Pick<Launch, 'depth' | 'dev'>,
  ) {
    this.#depth = depth;
    const runtimeHasTerminal = dev === undefined;
    this.streams = streams;
    streams.onResize = (size) => {
      if (runtimeHasTerminal) resizeTerminalOf(commandBelow(this.#first, depth), size);
    };
    this.#channel = process.stdio[CHANNEL] as Duplex;
    // A script that ends early closes the channel under our feet; its exit tells.
    this.#channel.on('error', () => {});
    this.exit = once(process, 'exit').then(([code, signal]: (number | null | string)[]) => {
      // Its number may soon be another process's.
      this.#first = 0;
      // unshare(1) cannot end by this signal itself.
      if (this.#isKilled) return 128 + constants.signals.SIGKILL;
      return typeof code === 'number' ? code : 128 + constants.signals[signal as NodeJS.Signals];
    });
  }

  /**
   * Builds the root and starts the command.
   *
   * @throws JettisonError `RUN_SETUP` when the root cannot be mounted, `TOOL_MISSING`
   */
  static async start(options: SandboxOptions): Promise<Sandbox> {
    const { launch, stdin, user, terminal } = options;
    const streams =
      terminal !== undefined && launch.dev !== undefined
        ? CommandStreams.forTerminal(stdin === 'typed')
        : CommandStreams.open({ stdin, owner: user, ...(terminal && { terminal }) });
    try {
      const process = spawnSandbox(options, streams);
      if (process.pid === undefined) {
        const [error] = (await once(process, 'error')) as [Error];
        throw new JettisonError(
          'RUN_SETUP',
          `RUN cannot be started: ${shortageIn(error.message) ?? error.message}`,
          {
            hint: 'Build again when that has passed, or raise the limit.',
          },
        );
      }
      const sandbox = new Sandbox(process, streams, launch);
      await sandbox.#becomeReady({
        began: (first) => options.began?.(first),
        prepare: async (first) => {
          if (terminal !== undefined && launch.dev !== undefined) {
            // The first process has not started anything yet: nobody has changed what is in its root.
            streams.connect(Pty.openInside(`/proc/${first}/cwd`, launch.dev, terminal, user));
          }
          await options.prepare?.(first);
        },
      });
      return sandbox;
    } catch (error) {
      streams.hangUp();
      throw error;
    } finally {
      streams.handedOver();
    }
  }

  /** Process id of the first process, seen from here; 0 when it has ended. */
  get first(): number {
    return this.#first;
  }

  /** Kills the command and everything that it left. */
  kill(): void {
    if (this.#first > 0) this.#isKilled = true;
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
  async #becomeReady({ began, prepare }: Required<StartHooks>): Promise<void> {
    this.#channel.setEncoding('utf8');
    for await (const text of this.#channel.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
      this.#said += text;
      if (this.#first === 0) {
        this.#first = Number(/^began (\d+)\n/m.exec(this.#said)?.[1] ?? 0);
        if (this.#first !== 0) began(this.#first);
      }
      if (/^ready\n/m.test(this.#said)) {
        this.#channel.resume();
        try {
          await prepare(this.#first);
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
      `the root for RUN could not be put together:\n${this.#said.replace(/^began \d+\n/m, '').trim()}`,
      {
        hint: 'Run `jettison doctor`: it says what this machine allows.',
      },
    );
  }
}

function spawnSandbox(options: SandboxOptions, streams: CommandStreams): ChildProcess {
  const { launch, terminal } = options;
  const [program, ...args] = [
    ...[needTool('setpriv'), '--pdeathsig=KILL', '--', ...launch.wrapper],
    // What the command can see of this process in /proc says nothing about the machine.
    ...[needTool('sh'), '-c', 'eval "$JETTISON_SCRIPT"', 'jettison', ...launch.args],
  ] as [string, ...string[]];
  try {
    return spawn(program, args, {
      cwd: options.folder,
      // None of the image's variables: the first programs run with the machine's root directory.
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C',
        // The newer mount interface of the kernel takes no option longer than 255 bytes.
        LIBMOUNT_FORCE_MOUNT2: 'always',
        JETTISON_SCRIPT: script(launch, terminal !== undefined),
        ...launch.variables,
      },
      stdio: [...streams.fds, 'pipe'],
      // A session of its own: Ctrl-C is for control to deal with.
      detached: true,
    });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'E2BIG' ? tooLong() : error;
  }
}

/** The terminal that a command gets in its root: nothing else has made one there. */
const FIRST_TERMINAL = 'pts/0';

/** What the first process does, as a POSIX shell script. Its arguments are the launch's. */
function script({ setUp, command, dev }: Launch, hasTerminal: boolean): string {
  // Its session has nothing of the machine's: the terminal is all that it leads.
  const lead = hasTerminal ? `${needTool('setsid')} --ctty ` : '';
  const device = hasTerminal && dev !== undefined ? quote(`${dev}/${FIRST_TERMINAL}`) : undefined;
  return [
    // Complaints of the mounting go to the worker, only the command's own output to its standard error.
    `exec 4>&2 2>&${CHANNEL}`,
    'read -r first rest </proc/self/stat',
    `echo "began $first" >&${CHANNEL}`,
    'umask 022',
    ...setUp,
    `echo ready >&${CHANNEL}`,
    `read -r go <&${CHANNEL} || exit 1`,
    // As relative paths: the shell's own root is the machine's.
    ...(device === undefined
      ? []
      : [`${needTool('mount')} -n -c --bind ${device} ${quote(`${dev}/console`)} 2>&4`]),
    // In a subshell: what the shell itself says of a command that a signal ended is not the command's output.
    `( exec ${lead}${command} ${device === undefined ? '2>&4' : `0<>${device} 1>&0 2>&0`} 4>&- ${CHANNEL}>&- )`,
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

/** A command and the mounted root that it gets, down to the last detail. */
export interface LaunchRequest {
  folder: RunFolder;
  /** Mounts that those of the plan need, the overlay of the root last. */
  before: readonly MountLine[];
  plan: RootPlan;
  /** Directory to make, relative to the root and without symlinks, before the command starts. */
  makeDirectory?: string;
  /** Nothing of the root can be changed but what is mounted on it. */
  readonlyRoot: boolean;
  /** Whether device nodes of the root can be opened. */
  devices: boolean;
  ulimits: readonly Ulimit[];
  network: CommandNetwork;
  user: User;
  /** Absolute, inside the root. */
  cwd: string;
  isolation: Isolation;
  /** Names as in `capabilities.ts`; those that this process lacks itself are left out. */
  capabilities: readonly string[];
  noNewPrivileges: boolean;
  /** The system calls that it may make; absent: all. */
  seccomp?: SeccompProfile | undefined;
  environment: Environment;
  args: readonly string[];
}
