import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { capabilityMask } from '../machine/kernel.ts';
import { chooseIsolation } from '../machine/namespace.ts';
import { commandBelow } from '../machine/processes.ts';
import { CONTAINER, runtimeCommand, runtimePlaces } from '../machine/runtime.ts';
import { needTool } from '../machine/tools.ts';
import type { TerminalSize } from '../protocol/exec-request.ts';
import type { RunningRuntime } from '../protocol/rung.ts';
import { type BecomeRequest, becomeScript } from './become-script.ts';
import { within } from './capabilities.ts';
import { runtimeProcess } from './runtime-config.ts';

/** A further command in the namespaces of a running one. */
export interface EnterRequest extends Omit<BecomeRequest, 'isolation'> {
  /** Process id of the sandbox's first process: see `StartedCommand`. */
  first: number;
  /** `K=V`: the complete environment of the command. */
  environment: string[];
  args: string[];
  /** Absolute paths of the control groups to be in. */
  cgroups: readonly string[];
  /** See `CommandRoot`. */
  programs?: string;
  /** The runtime of the first command, if any, which also starts this one. */
  runtime?: RunningRuntime;
  /** Standard input is a terminal: it, or one that the runtime makes, becomes the command's controlling terminal. */
  terminal?: TerminalSize;
}

/** A further command that is being started. */
export interface Entered {
  process: ChildProcess;
  /** Number of processes above the command, including `process`: see `commandBelow`. */
  depth: number;
}

interface Way {
  /** Arguments of nsenter after the namespaces. */
  words: string[];
  depth: number;
  variables: Record<string, string>;
  /** Called when it has ended. */
  done: () => void;
}

/** Flags of nsenter, by the namespaces' names in /proc. Credentials are preserved: this user is already root there. */
const NAMESPACES: Record<string, string[]> = {
  user: ['--user', '--preserve-credentials'],
  mnt: ['--mount'],
  uts: ['--uts'],
  ipc: ['--ipc'],
  net: ['--net'],
  pid: ['--pid'],
  cgroup: ['--cgroup'],
};

/** A shell script that joins control groups. Arguments: control groups, `--`, the command. */
const JOIN = 'while test "$1" != --; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@"';

/**
 * Runs a command in the namespaces of another one, without a worker. It has the same files and processes, and only the
 * rights of the request.
 *
 * @param own those of its standard streams that no other process uses: in another user namespace they are given to it
 * @throws JettisonError `CONTAINER_NOT_JOINABLE`
 */
export function enter(
  request: EnterRequest,
  stdio: ('ignore' | 'pipe' | number)[],
  own: readonly number[] = [],
): Entered {
  const { first, cgroups } = request;
  if (isOwn(first, 'mnt')) {
    throw new JettisonError(
      'CONTAINER_NOT_JOINABLE',
      'the container runs on the rung chroot, and has no namespaces that a command could join',
    );
  }
  const { words, depth, variables, done } = request.runtime
    ? byRuntime(request, request.runtime)
    : byProgram(request, own);
  const entering = [
    needTool('nsenter'),
    `--target=${first}`,
    ...Object.entries(NAMESPACES).flatMap(([name, flags]) => (isOwn(first, name) ? [] : flags)),
    ...words,
  ];
  const [program, ...rest] =
    cgroups.length === 0 ? entering : [needTool('sh'), '-c', JOIN, 'sh', ...cgroups, '--', ...entering];
  const process = spawn(program!, rest, {
    cwd: '/',
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C',
      ...variables,
    },
    stdio,
  });
  process.once('exit', done);
  process.once('error', done);
  return { process, depth };
}

const RETRY_MS = 20;

/** Sends a signal to a command of `enter`, as soon as it has started. */
export function killEntered(entered: Entered, signal: NodeJS.Signals): void {
  const { process: child, depth } = entered;
  const command = child.pid === undefined ? undefined : commandBelow(child.pid, depth);
  if (
    command === undefined &&
    child.pid !== undefined &&
    child.exitCode === null &&
    child.signalCode === null
  ) {
    setTimeout(() => killEntered(entered, signal), RETRY_MS).unref();
    return;
  }
  try {
    if (command !== undefined) process.kill(command, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function byProgram(request: EnterRequest, own: readonly number[]): Way {
  const name = `command-${randomUUID()}`;
  const folder = request.programs ?? '/';
  const file = join(`/proc/${request.first}/root`, folder, name);
  const isolation = chooseIsolation();
  const users = sharesUsers(request) ? {} : { handedOver: own, hasJoinedUsers: true };
  const { line, args, variables } = becomeScript(
    { ...request, isolation, ...users },
    request,
    file,
    join(folder, name),
  );
  const lead = request.terminal ? `${needTool('setsid')} --ctty ` : '';
  // nsenter keeps the machine's root, where the programs are. The working directory becomes the command's root.
  const words = ['--root', '--wd', '--', needTool('sh'), '-c', `exec ${lead}${line} "$@"`, 'sh', ...args];
  return { words, depth: 1, variables, done: () => rmSync(file, { force: true }) };
}

function byRuntime(request: EnterRequest, { name, folder }: RunningRuntime): Way {
  const { state } = runtimePlaces(folder);
  const process = join(folder, `process-${randomUUID()}.json`);
  // So that it gets SIGWINCH when the terminal's size changes.
  const lead = request.terminal ? [needTool('setsid'), '--ctty'] : [];
  // The folder is a tmpfs in the mount namespace of the first process.
  const file = `/proc/${request.first}/root${process}`;
  const capabilities = within(capabilityMask('CapBnd'), request.capabilities);
  writeFileSync(file, runtimeProcess({ ...request, terminal: request.terminal, capabilities, ulimits: [] }), {
    mode: 0o600,
  });
  return {
    // Not with the log of the first command, which would then seem to have failed.
    words: ['--', ...lead, ...runtimeCommand(name, { state }), 'exec', '--process', process, CONTAINER],
    depth: 2,
    variables: {},
    done: () => rmSync(file, { force: true }),
  };
}

/** Whether the users of a container are those of this process. */
export function sharesUsers({ first }: Pick<EnterRequest, 'first'>): boolean {
  return isOwn(first, 'user');
}

/** Whether a process is in the same namespace as this one. Joining it again may need rights of root. */
function isOwn(pid: number, namespace: string): boolean {
  return readlinkSync(`/proc/${pid}/ns/${namespace}`) === readlinkSync(`/proc/self/ns/${namespace}`);
}
