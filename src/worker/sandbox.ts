import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fchownSync, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import { type Becoming, becoming } from './becoming.ts';
import { pipe } from './native.ts';
import type { Ulimit } from './protocol.ts';
import type { MountTables } from './run-folder.ts';
import { findTool, needTool } from './tools.ts';

/** A command and the root that it gets, down to the last detail. */
export interface SandboxOptions extends Becoming {
  /** Absolute path of the run's folder: working directory of the mounting, so that its table may use short paths. */
  folder: string;
  /** Absolute path of the mount point of the root. */
  root: string;
  tables: MountTables;
  /** Directory to make, relative to the root and without symlinks, before the command starts. */
  makeDirectory?: string;
  ulimits: readonly Ulimit[];
  /** Nothing of the root can be changed but what is mounted on it. */
  readonlyRoot: boolean;
  /** `K=V`: exactly what the command gets. */
  environment: string[];
  args: string[];
  network: 'host' | 'none' | 'private';
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
  #first = 0;
  #said = '';

  private constructor({ process, stdout, stderr }: Spawned) {
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
    const sandbox = new Sandbox(spawnSandbox(options));
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
    let children: string;
    try {
      children = readFileSync(`/proc/${this.#first}/task/${this.#first}/children`, 'latin1');
    } catch {
      return;
    }
    // The oldest child is the command; orphans that the first process inherits come later.
    const command = Number(children.split(' ')[0]);
    signal(command, name);
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
  const { stdio, user } = options;
  const [program, ...args] = [
    needTool('setpriv'),
    '--pdeathsig=KILL',
    '--',
    needTool('unshare'),
    ...['--mount', '--pid', '--ipc', '--uts', '--cgroup'],
    ...(options.network === 'host' ? [] : ['--net']),
    ...['--fork', '--kill-child', '--propagation', 'unchanged', '--'],
    // What the command can see of this process in /proc says nothing about the machine.
    ...[needTool('sh'), '-c', 'eval "$JETTISON_SCRIPT"', 'jettison', ...options.args],
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
        JETTISON_SCRIPT: script(options),
        ...Object.fromEntries(options.environment.map((entry, index) => [variableName(index), entry])),
      },
      stdio: [stdin, stdout, stderr, 'pipe'],
      // A session of its own, unless it shares the terminal: Ctrl-C is for control to deal with.
      detached: stdio === 'stream' && stdin !== 'inherit',
    });
    const [out = null, err = null] = pipes.map(({ read }) => new Socket({ fd: read, writable: false }));
    return { process, stdout: out, stderr: err };
  } catch (error) {
    for (const { read } of pipes) closeSync(read);
    throw (error as NodeJS.ErrnoException).code === 'E2BIG' ? tooLong(error) : error;
  } finally {
    for (const fd of [stdin, stdout, stderr]) if (typeof fd === 'number') closeSync(fd);
  }
}

function tooLong(cause: unknown): JettisonError {
  return new JettisonError(
    'RUN_TOO_LONG',
    'the command and its environment are longer than the kernel takes',
    {
      hint: 'COPY a script into the image and run that; a single argument may have 128 KiB.',
      cause,
    },
  );
}

/** What the first process does, as a POSIX shell script. Its arguments are the command's. */
function script(options: SandboxOptions): string {
  const { root } = options;
  const lines = [
    // Complaints of the mounting go to the worker, only the command's own output to its standard error.
    `exec 4>&2 2>&${CHANNEL}`,
    'read -r first rest </proc/self/stat',
    'umask 022',
  ];
  const mountAll = (table: string) => `${needTool('mount')} -n -a -T ${quote(table)} || exit 1`;
  lines.push(mountAll(options.tables.root));
  for (const { table, point } of options.tables.nested) {
    if (point !== undefined) lines.push(makePoint(point));
    lines.push(mountAll(table));
  }
  if (options.makeDirectory !== undefined) {
    lines.push(`${needTool('mkdir')} -p ${quote(join(root, options.makeDirectory))} || exit 1`);
  }
  // What is mounted on it, and thereby on itself, stays as it is.
  if (options.readonlyRoot) lines.push(`${needTool('mount')} -n -o remount,bind,ro ${quote(root)} || exit 1`);
  if (options.ulimits.length > 0) {
    const limits = options.ulimits.map(({ name, soft, hard }) => `--${name}=${rlimit(soft)}:${rlimit(hard)}`);
    lines.push(`${needTool('prlimit')} --pid $$ ${limits.join(' ')} || exit 1`);
  }
  const ip = options.network === 'host' ? undefined : findTool('ip');
  if (ip !== undefined) lines.push(`${ip} link set lo up`);
  lines.push(
    // The old root stays below the new one, and uncovering it takes a capability that the command lacks.
    `cd ${quote(root)} && ${needTool('mount')} -n --move ${quote(root)} / || exit 1`,
    `echo "ready $first" >&${CHANNEL}`,
    `read -r go <&${CHANNEL} || exit 1`,
  );
  const variables = options.environment.map((_, index) => `"$${variableName(index)}"`);
  const { before, after } = becoming(options, variables.length);
  lines.push(
    // In a subshell: what the shell itself says of a command that a signal ended is not the command's output.
    [
      ...['( exec', ...before.map(quote), ...variables, ...after.map(quote), '"$@"'],
      `2>&4 4>&- ${CHANNEL}>&- )`,
    ].join(' '),
    'exit $?',
  );
  return lines.join('\n');
}

function rlimit(value: number): string {
  return value === -1 ? 'unlimited' : String(value);
}

/** Makes a mount point. @param point.path absolute; no symlinks are in it that lead out of the root */
function makePoint({ path, kind }: { path: string; kind: 'file' | 'directory' }): string {
  const mkdir = `${needTool('mkdir')} -p`;
  return kind === 'directory'
    ? `${mkdir} ${quote(path)} || exit 1`
    : `${mkdir} ${quote(dirname(path))} && : >${quote(path)} || exit 1`;
}

function variableName(index: number): string {
  return `JETTISON_${index}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
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
