import { closeSync, readdirSync, readFileSync } from 'node:fs';

const O_CLOEXEC = 0o2000000;

/**
 * Closes the files that this process got from whoever started it, besides its standard streams. Commands in
 * containers would get them, too: an open directory of the machine is a way out of a container. Node itself only
 * sees to the lowest ones.
 */
export function closeInherited(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd <= 2) continue;
    let flags: string | undefined;
    try {
      flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    } catch {
      // That of the listing itself.
    }
    // What Node has opened is closed by itself when another program starts.
    if (flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0) closeSync(fd);
  }
}
