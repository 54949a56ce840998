import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { JettisonError } from '../../../errors/error.ts';
import { quote } from '../../../fields/shell-quote.ts';
import { tooLong } from '../../../launch/command-lookup.ts';
import type { Environment } from '../../../launch/environment.ts';
import type { MountLine } from '../../../launch/mount-table.ts';
import type { RootPlan } from '../../../launch/rootfs.ts';
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

/** How a command is started in a root of its own: the part that differs between rungs. */
export interface Launch {
  /** Arguments before the first process's shell: programs that make the namespaces. */
  wrapper: string[];
  /** Lines of shell script that mount the root. */
  setUp: string[];
  /** The shell words, quoted, that start the command; `"$@"` stands for `args`. */
  command: string;
  args: string[];
  /** Environment of the shell. */
  variables: Record<string, string>;
  /** Number of processes above the command: the shell, and perhaps a runtime. */
  depth: 1 | 2;
  /**
   * The root's /dev, in which its terminal is opened: relative to the root, without symlinks. Absent: the runtime makes a
   * terminal, and copies between it and the sandbox's.
   */
  dev?: string;
}

export interface SandboxOptions extends Partial<StartHooks> {
  /** Absolute path of the run's folder, the shell's working directory: mounts use short paths relative to it. */
  folder: string;
  launch: Launch;
  user: User;
  /** `typed`, or the absolute path of a file: see `StreamsOptions`. */
  stdin: string;
  terminal?: TerminalSize;
}

/** The first process's file descriptor of the channel to this process. */
const CHANNEL = 3;

/**
 * A running command with namespaces of its own. Its first process is a small shell script outside the root, which mounts
 * the root, starts the command, and waits for it. When that process ends, for whatever reason, the kernel kills
 * everything in its pid namespace and drops all mounts.
 *
 * That process must not become the command: a process that changes its user loses the death signal by which
 * it ends together with this worker.
 */
export class Sandbox {
  /** Resolves when all processes of the sandbox have ended: the command's exit code, 128 + n after signal n. */
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
    // A script that fails early closes the channel; its exit code is reported instead.
    this.#channel.on('error', () => {});
    this.exit = once(process, 'exit').then(([code, signal]: (number | null | string)[]) => {
      // The pid may be reused.
      this.#first = 0;
      // unshare(1) turns SIGKILL of its child into an exit code of its own.
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
          `cannot start RUN: ${shortageIn(error.message) ?? error.message}`,
          {
            hint: 'Build again when the shortage is over, or raise the limit.',
          },
        );
      }
      const sandbox = new Sandbox(process, streams, launch);
      await sandbox.#becomeReady({
        began: (first) => options.began?.(first),
        prepare: async (first) => {
          if (terminal !== undefined && launch.dev !== undefined) {
            // The command has not started yet, so its root is unchanged.
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

  /** Kills the command and all processes that it started. */
  kill(): void {
    if (this.#first > 0) this.#isKilled = true;
    signal(this.#first, 'SIGKILL');
  }

  /** Sends a signal to the command, not to its children. */
  signal(name: NodeJS.Signals): void {
    signal(commandBelow(this.#first, this.#depth) ?? 0, name);
  }

  /**
   * Waits until the root is mounted, and lets the command start. This handshake rules out orphans: a script whose worker
   * died before its death signal was set gets no answer, and ends.
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
      `cannot mount the root for RUN:\n${this.#said.replace(/^began \d+\n/m, '').trim()}`,
      {
        hint: 'Run `jettison doctor`: it shows what this machine allows.',
      },
    );
  }
}

function spawnSandbox(options: SandboxOptions, streams: CommandStreams): ChildProcess {
  const { launch, terminal } = options;
  const [program, ...args] = [
    ...[needTool('setpriv'), '--pdeathsig=KILL', '--', ...launch.wrapper],
    // The script is in a variable: the command can read this process's arguments in /proc.
    ...[needTool('sh'), '-c', 'eval "$JETTISON_SCRIPT"', 'jettison', ...launch.args],
  ] as [string, ...string[]];
  try {
    return spawn(program, args, {
      cwd: options.folder,
      // Without the image's variables: the first programs run in the machine's root directory.
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C',
        // The kernel's newer mount interface limits options to 255 bytes.
        LIBMOUNT_FORCE_MOUNT2: 'always',
        JETTISON_SCRIPT: script(launch, terminal !== undefined),
        ...launch.variables,
      },
      stdio: [...streams.fds, 'pipe'],
      // A session of its own: control handles Ctrl-C.
      detached: true,
    });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'E2BIG' ? tooLong() : error;
  }
}

/** The command's terminal, the first in its root. */
const FIRST_TERMINAL = 'pts/0';

/** The POSIX shell script of the first process. Its arguments are the launch's. */
function script({ setUp, command, dev }: Launch, hasTerminal: boolean): string {
  // A new session with the terminal as its controlling terminal.
  const lead = hasTerminal ? `${needTool('setsid')} --ctty ` : '';
  const device = hasTerminal && dev !== undefined ? quote(`${dev}/${FIRST_TERMINAL}`) : undefined;
  return [
    // Errors of mounting go to the worker; only the command's own output goes to standard error.
    `exec 4>&2 2>&${CHANNEL}`,
    'read -r first rest </proc/self/stat',
    `echo "began $first" >&${CHANNEL}`,
    'umask 022',
    ...setUp,
    `echo ready >&${CHANNEL}`,
    `read -r go <&${CHANNEL} || exit 1`,
    // Relative paths: the shell's own root is the machine's.
    ...(device === undefined
      ? []
      : [`${needTool('mount')} -n -c --bind ${device} ${quote(`${dev}/console`)} 2>&4`]),
    // In a subshell: the shell's own message about a signalled command must not be in the output.
    `( exec ${lead}${command} ${device === undefined ? '2>&4' : `0<>${device} 1>&0 2>&0`} 4>&- ${CHANNEL}>&- )`,
    'exit $?',
  ].join('\n');
}

function signal(pid: number, name: NodeJS.Signals): void {
  // kill(0) would signal this process's whole group.
  if (pid <= 0) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A command and its mounted root, as a launch needs them. */
export interface LaunchRequest {
  folder: RunFolder;
  /** Mounts to make before those of the plan, the root's overlay last. */
  before: readonly MountLine[];
  plan: RootPlan;
  /** Directory to make, relative to the root and without symlinks, before the command starts. */
  makeDirectory?: string;
  /** The root is read-only, apart from mounts in it. */
  readonlyRoot: boolean;
  /** Whether device nodes of the root can be opened (no `nodev`). */
  devices: boolean;
  ulimits: readonly Ulimit[];
  network: CommandNetwork;
  user: User;
  /** Absolute, inside the root. */
  cwd: string;
  isolation: Isolation;
  /** Names as in `capabilities.ts`; those that this process lacks are ignored. */
  capabilities: readonly string[];
  noNewPrivileges: boolean;
  /** The seccomp filter; absent: none. */
  seccomp: SeccompProfile | undefined;
  environment: Environment;
  args: readonly string[];
}
