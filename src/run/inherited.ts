import { closeSync, readdirSync, readFileSync } from 'node:fs';

const O_CLOEXEC = 0o2000000;

/**
 * Closes inherited file descriptors above standard error. Commands in containers would inherit them, and an open
 * directory of the machine is a way out of a container. Node sets close-on-exec only on the lowest ones.
 */
export function closeInherited(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd <= 2) continue;
    let flags: string | undefined;
    try {
      flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    } catch {
      // The descriptor of the listing itself.
    }
    // Node's own files have O_CLOEXEC.
    if (flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0) closeSync(fd);
  }
}
