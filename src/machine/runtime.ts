import { join } from 'node:path';
import type { RuntimeName } from '../protocol/rung.ts';
import { findTool, needTool } from './tools.ts';

/** The supported OCI runtimes, the faster one first. */
const RUNTIMES: readonly RuntimeName[] = ['crun', 'runc'];

/** The files of a runtime and its one container. Absolute paths. */
export interface RuntimePlaces {
  /** Holds `config.json`. */
  bundle: string;
  state: string;
  log: string;
}

/** The name of every container: each has a state folder of its own. */
export const CONTAINER = 'command';

/** @param folder absolute path on a tmpfs, since the bundle contains the command's environment */
export function runtimePlaces(folder: string): RuntimePlaces {
  return { bundle: join(folder, 'bundle'), state: join(folder, 'state'), log: join(folder, 'runtime.log') };
}

/**
 * A runtime's path with the options of every subcommand.
 *
 * @param places.log absent: errors go to standard error
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

/** A shell line that mounts /proc: a runtime looks for itself among the processes of its namespace. */
export function mountProc(): string {
  return `${needTool('mount')} -n -t proc proc /proc || exit 1`;
}

/**
 * A shell line that gives a runtime a read-only cgroup v2 hierarchy: crun refuses some hybrid layouts, and runc would
 * move the command out of the group with its limits.
 */
export function hideControlGroups(): string {
  return `test ! -d /sys/fs/cgroup || ${needTool('mount')} -n -t cgroup2 -o ro,nosuid,nodev,noexec cgroup2 /sys/fs/cgroup || exit 1`;
}

/** The last error in the text of a runtime's log; undefined when there is none. */
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
