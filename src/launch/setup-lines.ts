import { dirname, resolve } from 'node:path';
import { findTool, needTool } from '../machine/tools.ts';
import type { CommandNetwork } from '../protocol/exec-request.ts';

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

/** One word for a POSIX shell, whatever is in it. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
