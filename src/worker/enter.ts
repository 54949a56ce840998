import { type ChildProcess, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { type Becoming, becoming } from './becoming.ts';
import { chooseIsolation } from './namespace.ts';
import { needTool } from './tools.ts';

/** A further command in the namespaces of one that runs. */
export interface EnterRequest extends Omit<Becoming, 'isolation'> {
  /** Process id of the sandbox's first process: see `StartedCommand`. */
  first: number;
  /** `K=V`: exactly what the command gets; none that a program of the machine would obey. */
  environment: string[];
  args: string[];
  /** Absolute paths of the control groups to be in. */
  cgroups: readonly string[];
}

/** Flags of nsenter, by the namespaces' names in /proc. This user is root in its own user namespaces already. */
const NAMESPACES: Record<string, string[]> = {
  user: ['--user', '--preserve-credentials'],
  mnt: ['--mount'],
  uts: ['--uts'],
  ipc: ['--ipc'],
  net: ['--net'],
  pid: ['--pid'],
  cgroup: ['--cgroup'],
};

/** Arguments: control groups, `--`, the command. */
const JOIN = 'while test "$1" != --; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@"';

/**
 * Runs a command in the namespaces of another one, from outside of any worker. It sees the same files and
 * processes, and has no more rights than it is given.
 *
 * Its own process is the oldest child of the process that this starts.
 */
export function enter(request: EnterRequest, stdio: ('ignore' | 'inherit' | 'pipe')[]): ChildProcess {
  const { first, environment, args, cgroups } = request;
  const isolation = chooseIsolation();
  const { before, after } = becoming({ ...request, isolation }, environment.length);
  const words = [
    needTool('nsenter'),
    `--target=${first}`,
    // Its root inside the namespaces is still the machine's, where the programs are; its working directory is
    // the root that its command has.
    ...Object.entries(NAMESPACES).flatMap(([name, flags]) => (isOwn(first, name) ? [] : flags)),
    ...['--root', '--wd'],
    ...['--', ...before, ...environment, ...after, ...args],
  ];
  const [program, ...rest] =
    cgroups.length === 0 ? words : [needTool('sh'), '-c', JOIN, 'sh', ...cgroups, '--', ...words];
  return spawn(program!, rest, {
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    stdio,
  });
}

/** Whether a process is in a namespace of this one: joining that again may take rights that only root has. */
function isOwn(pid: number, namespace: string): boolean {
  return readlinkSync(`/proc/${pid}/ns/${namespace}`) === readlinkSync(`/proc/self/ns/${namespace}`);
}
