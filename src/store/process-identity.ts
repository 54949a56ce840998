import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A name of this process that is unique on this machine, `<pid>-<start time>-<pid namespace>`. Lease files and
 * temporary folders have it as their name, so that leftovers of dead processes are recognised even when the pid has
 * been reused.
 */
export const processIdentity = identityOf(process.pid);

/** The identity of a process of this pid namespace. */
export function identityOf(pid: number): string {
  return `${pid}-${startTime(pid) ?? 0}-${pidNamespace()}`;
}

/** The process id in an identity. */
export function pidOf(identity: string): number {
  return Number.parseInt(identity, 10);
}

/** Leases of another pid namespace (a container that shares the store) are valid for this long after the last write. */
const FOREIGN_LIFETIME_MS = 24 * 60 * 60 * 1000;

/**
 * Whether the process of an identity is alive.
 *
 * @param touchedMs time of the last write to its lease or folder, in milliseconds since 1970. It decides for processes
 * of other pid namespaces, which cannot be looked up
 */
export function isAlive(identity: string, touchedMs: number): boolean {
  const match = /^(\d+)-(\d+)-(\d+)$/.exec(identity);
  if (match === null) return false;
  const [, pid, start, namespace] = match;
  if (Number(namespace) !== pidNamespace()) return Date.now() - touchedMs < FOREIGN_LIFETIME_MS;
  if (start === '0') {
    try {
      process.kill(Number(pid), 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  }
  return startTime(Number(pid)) === Number(start);
}

/** Field 22 of /proc/pid/stat: clock ticks after boot. Undefined for a dead process or a zombie, and without /proc. */
function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has no open files and no locks.
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

function pidNamespace(): number {
  try {
    return Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0);
  } catch {
    return 0;
  }
}
