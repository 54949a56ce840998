import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';

/** Programs of the machine that RUN needs, each with its package in Debian. */
const PACKAGES = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  prlimit: 'util-linux',
  setpriv: 'util-linux',
  setsid: 'util-linux',
  mount: 'mount',
  mkdir: 'coreutils',
  env: 'coreutils',
  sh: 'dash',
  newuidmap: 'uidmap',
  newgidmap: 'uidmap',
  ip: 'iproute2',
  pasta: 'passt',
  slirp4netns: 'slirp4netns',
  crun: 'crun',
  runc: 'runc',
  busybox: 'busybox-static',
} as const;

export type ToolName = keyof typeof PACKAGES;

const FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
const found = new Map<ToolName, string | undefined>();

/**
 * Absolute path of a program of the machine; undefined if it is missing. The system's folders come before PATH, so
 * that root never runs a program of a project's `node_modules/.bin`.
 */
export function findTool(name: ToolName): string | undefined {
  if (!found.has(name)) {
    const path = (process.env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/'));
    found.set(
      name,
      [...FOLDERS, ...path].map((folder) => join(folder, name)).find((candidate) => isExecutable(candidate)),
    );
  }
  return found.get(name);
}

/** @throws JettisonError `TOOL_MISSING` naming the package to install */
export function needTool(name: ToolName): string {
  const path = findTool(name);
  if (path === undefined) {
    throw new JettisonError('TOOL_MISSING', `the program ${name} is missing, and RUN needs it`, {
      hint: `Install the package ${PACKAGES[name]}.`,
    });
  }
  return path;
}

/**
 * A command that needs root, worded as advice: root runs it, other users ask an administrator.
 */
export function asRoot(command: string, uid = process.getuid!()): string {
  return uid === 0 ? command : `ask an administrator for: ${command}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
