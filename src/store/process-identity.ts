import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A name for this process that no other process ever has on this machine: process id, start time and process
 * id namespace. It names lease files and temporary folders, so that leftovers of dead processes are
 * recognised even when their process id is in use again.
 */
export const processIdentity = identityOf(process.pid);

/** The name of another process of this process id namespace. */
export function identityOf(pid: number): string {
  return `${pid}-${startTime(pid) ?? 0}-${pidNamespace()}`;
}

/** The process id in an identity. */
export function pidOf(identity: string): number {
  return Number.parseInt(identity, 10);
}

/** Leases of another process id namespace (a container that shares the store) are believed for this long. */
const FOREIGN_LIFETIME_MS = 24 * 60 * 60 * 1000;

/**
 * Whether the process that an identity names still lives.
 *
 * @param touchedMs when its lease or folder was last written, in milliseconds since 1970; decides for
 * processes that cannot be looked up from here
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

/** Field 22 of /proc/pid/stat: clock ticks after boot. Undefined without such a process, or without /proc. */
function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more.
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
