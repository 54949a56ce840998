import { dirname, join, resolve } from 'node:path';
import type { Environment } from './environment.ts';
import type { Isolation } from './namespace.ts';
import type { CommandNetwork, Ulimit } from './protocol.ts';
import type { MountLine, RootPlan } from './rootfs.ts';
import type { RunFolder } from './run-folder.ts';
import type { SeccompProfile } from './seccomp.ts';
import { quote } from './shell-words.ts';
import { findTool, needTool } from './tools.ts';
import type { User } from './user.ts';

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

/** The words that give the first process its namespaces. All mounts and processes in them end with it. */
export function namespaceWrapper(network: CommandNetwork): string[] {
  return [
    needTool('unshare'),
    ...['--mount', '--pid', '--ipc', '--uts', '--cgroup'],
    ...(network === 'host' ? [] : ['--net']),
    ...['--fork', '--kill-child', '--propagation', 'unchanged', '--'],
  ];
}

/** Makes all mounts of a table. @param table absolute path */
export function mountAll(table: string): string {
  return `${needTool('mount')} -n -a -T ${quote(table)} || exit 1`;
}

/** Makes a directory of the root. @param path relative to the root; no symlinks are in it */
export function makeInRoot(root: string, path: string): string {
  return `${needTool('mkdir')} -p ${quote(join(root, path))} || exit 1`;
}

/** Makes a mount point. @param point.path relative to the root, or absolute; no symlinks in it lead out of the root */
export function makePoint(root: string, point: { path: string; kind: 'file' | 'directory' }): string {
  const path = resolve(root, point.path);
  const mkdir = `${needTool('mkdir')} -p`;
  return point.kind === 'directory'
    ? `${mkdir} ${quote(path)} || exit 1`
    : `${mkdir} ${quote(dirname(path))} && : >${quote(path)} || exit 1`;
}

/** Brings up the loopback of a network namespace that nothing else does that for, where the machine has a program for it. */
export function loopbackUp(network: CommandNetwork): string[] {
  const ip = network === 'none' ? findTool('ip') : undefined;
  return ip === undefined ? [] : [`${ip} link set lo up`];
}
