import { join } from 'node:path';
import type { RuntimeName } from '../protocol/rung.ts';
import { findTool, needTool } from './tools.ts';

/** The OCI runtimes that are taken, the quicker one first. */
const RUNTIMES: readonly RuntimeName[] = ['crun', 'runc'];

/** Where a runtime keeps what it knows of its one container. Absolute paths. */
export interface RuntimePlaces {
  /** Holds `config.json`. */
  bundle: string;
  state: string;
  log: string;
}

/** The name of every container: each has a state folder of its own. */
export const CONTAINER = 'command';

/** @param folder absolute path; in memory, since the bundle has the command's environment */
export function runtimePlaces(folder: string): RuntimePlaces {
  return { bundle: join(folder, 'bundle'), state: join(folder, 'state'), log: join(folder, 'runtime.log') };
}

/**
 * A runtime's path with the options that every subcommand has.
 *
 * @param places.log absent: it complains on its standard error
 */
export function runtimeCommand(
  name: RuntimeName,
  { state, log }: Pick<RuntimePlaces, 'state'> & { log?: string },
) {
  const logging = log === undefined ? [] : name === 'crun' ? [`--log=file:${log}`] : ['--log', log];
  // Limits are set from outside, on the group that the runtime is started in.
  const groups = name === 'crun' ? '--cgroup-manager=disabled' : '--rootless=true';
  return [needTool(name), '--root', state, groups, ...logging];
}

/** What the shell does first: a runtime looks for itself among the processes of its namespace. */
export function mountProc(): string {
  return `${needTool('mount')} -n -t proc proc /proc || exit 1`;
}

/**
 * What the shell does so that any runtime gets along with this machine's control groups: it sees those of the
 * kernel's second version alone, and cannot change them. crun refuses some hybrid layouts, and runc would move the
 * command out of the group that has its limits.
 */
export function hideControlGroups(): string {
  return `test ! -d /sys/fs/cgroup || ${needTool('mount')} -n -t cgroup2 -o ro,nosuid,nodev,noexec cgroup2 /sys/fs/cgroup || exit 1`;
}

/** The error of the runtime itself, from its log; undefined when there is none. @param log its text */
export function runtimeError(log: string): string | undefined {
  const errors = log
    .split('\n')
    .filter(
      (line) =>
        line !== '' && !/level="?(warning|info|debug)/.test(line) && !/\[(warn|info|debug)\]/i.test(line),
    )
    .map((line) => /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]?.replaceAll('\\"', '"') ?? line);
  return errors.at(-1);
}

export function installedRuntimes(): RuntimeName[] {
  return RUNTIMES.filter((name) => findTool(name) !== undefined);
}
