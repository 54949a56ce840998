import { existsSync, realpathSync } from 'node:fs';
import { within } from '../../launch/capabilities.ts';
import { mountOptions } from '../../launch/mount-table.ts';
import { capabilityMask, readText } from '../../machine/kernel.ts';
import type { Rung } from './probe.ts';

/** What it takes to copy a root with all owners and devices, to become any user in it, and to end what it leaves. */
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
      'a copy of the root for each RUN, without namespaces: what keeps it in is this container, with its seccomp filter if it has one',
  };
}

/**
 * Why no command can, or may, run with nothing but chroot(2) here; undefined when it may. A directory as its root keeps
 * no root in, so it is only good enough where a container does already.
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
      reason: 'this root may mount and make namespaces (CAP_SYS_ADMIN): no directory would keep it in',
    };
  }
  if (!isInContainer()) {
    return {
      reason: 'this is no container, and a root that is only in another directory is not kept in by that',
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

/** Whether this process is in a container, by any of the signs that engines leave. */
function isInContainer(): boolean {
  return (
    process.env['container'] !== undefined ||
    MARKS.some((path) => existsSync(path)) ||
    /\bcontainer=/.test(readText('/proc/1/environ')) ||
    /docker|containerd|kubepods|libpod|lxc/.test(readText('/proc/self/cgroup')) ||
    /^\S+ \S+ \S+ \S+ \/ .* - overlay /m.test(readText('/proc/self/mountinfo'))
  );
}
