import { dirname, resolve } from 'node:path';
import { quote } from '../fields/shell-quote.ts';
import { findTool, needTool } from '../machine/tools.ts';
import type { CommandNetwork } from '../protocol/exec-request.ts';

/** The command that starts the sandbox's first process in new namespaces, whose mounts and processes end with it. */
export function namespaceWrapper(network: CommandNetwork): string[] {
  return [
    needTool('unshare'),
    ...['--mount', '--pid', '--ipc', '--uts', '--cgroup'],
    ...(network === 'host' ? [] : ['--net']),
    ...['--fork', '--kill-child', '--propagation', 'unchanged', '--'],
  ];
}

/** A shell line that makes all mounts of a table. @param table absolute path */
export function mountAll(table: string): string {
  return `${needTool('mount')} -n -a -T ${quote(table)} || exit 1`;
}

/** A shell line that makes a mount point. @param point.path relative to the root, or absolute, without symlinks out of the root */
export function makePoint(root: string, point: { path: string; kind: 'file' | 'directory' }): string {
  const path = resolve(root, point.path);
  const mkdir = `${needTool('mkdir')} -p`;
  return point.kind === 'directory'
    ? `${mkdir} ${quote(path)} || exit 1`
    : `${mkdir} ${quote(dirname(path))} && : >${quote(path)} || exit 1`;
}

/** A shell line that brings up the loopback of the network `none`; none if the machine has no `ip`. */
export function loopbackUp(network: CommandNetwork): string[] {
  const ip = network === 'none' ? findTool('ip') : undefined;
  return ip === undefined ? [] : [`${ip} link set lo up`];
}
