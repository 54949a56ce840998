import { existsSync, realpathSync } from 'node:fs';
import { within } from '../../launch/capabilities.ts';
import { mountOptions } from '../../launch/mount-table.ts';
import { capabilityMask, readText } from '../../machine/kernel.ts';
import type { Rung } from './probe.ts';

/** Capabilities needed to copy a root with owners and devices, to change users in it, and to kill its processes. */
const NEEDED = [
  ...['chown', 'dac_override', 'fowner', 'fsetid', 'kill'],
  ...['setgid', 'setuid', 'setpcap', 'sys_chroot', 'mknod'],
];

/** Files that container engines put into containers. */
const MARKS = ['/.dockerenv', '/run/.containerenv'];

export function probeChroot({ home }: { home: string }): Rung {
  const problem = chrootProblem(home);
  if (problem !== undefined) return { name: 'chroot', usable: false, ...problem };
  return {
    name: 'chroot',
    usable: true,
    reason:
      'a copy of the root for each RUN, without namespaces: only this container, and its seccomp filter if it has one, confines commands',
  };
}

/**
 * Why commands cannot, or must not, run with chroot(2) alone here; undefined when they may. A root user can leave a
 * chroot, so this rung is used only inside a container, which confines the command already.
 *
 * @param home the store's folder, which must exist
 */
export function chrootProblem(home: string): { reason: string; remedy?: string } | undefined {
  if (process.platform !== 'linux') return { reason: 'there is no chroot as on Linux here' };
  if (process.getuid?.() !== 0) {
    return {
      reason: 'only root may change the root directory',
      remedy: 'in a container: docker run --user 0 …',
    };
  }
  const mask = capabilityMask('CapEff');
  if (within(mask, ['sys_admin']).length > 0) {
    return {
      reason: 'this root has CAP_SYS_ADMIN, with which a command could leave a chroot',
    };
  }
  if (!isInContainer()) {
    return {
      reason: 'this process is not in a container, and chroot alone does not confine a root user',
    };
  }
  const missing = NEEDED.filter((name) => !within(mask, [name]).includes(name));
  if (missing.length > 0) {
    const names = missing.map((name) => name.toUpperCase());
    return {
      reason: `this container's root lacks ${names.map((name) => `CAP_${name}`).join(', ')}`,
      remedy: `docker run ${names.map((name) => `--cap-add ${name}`).join(' ')} …`,
    };
  }
  const options = mountOptions(realpathSync(home));
  const hindrance = ['ro', 'nodev', 'noexec', 'nosuid'].find((option) => options.includes(option));
  if (hindrance === undefined) return undefined;
  return {
    reason: `the file system of ${home} is mounted ${hindrance}`,
    remedy: 'export JETTISON_HOME=/a/folder/of/the/container/itself',
  };
}

/** Whether this process is in a container: engines leave marker files and variables. */
function isInContainer(): boolean {
  return (
    process.env['container'] !== undefined ||
    MARKS.some((path) => existsSync(path)) ||
    /\bcontainer=/.test(readText('/proc/1/environ')) ||
    /docker|containerd|kubepods|libpod|lxc/.test(readText('/proc/self/cgroup')) ||
    /^\S+ \S+ \S+ \S+ \/ .* - overlay /m.test(readText('/proc/self/mountinfo'))
  );
}
