import { existsSync, readFileSync, realpathSync } from 'node:fs';

/** A line of /proc/self/mountinfo. */
export interface Mounted {
  /** Absolute path. */
  point: string;
  /** Per mount: `rw`, `nosuid`, `relatime` … */
  options: string[];
}

const LOCKABLE = ['nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'relatime'];

/**
 * Flags of the mount that a path is in that must be said again when others are set: in a user namespace they are
 * locked.
 */
export function lockedOptions(path: string): string[] {
  // What is not there yet will be mounted there by this process itself.
  const real = existsSync(path) ? realpathSync(path) : path;
  const holder = mounts()
    .filter(({ point }) => isWithin(real, point))
    // Of two mounts at one place the later one is seen.
    .reduce((best, next) => (next.point.length >= best.point.length ? next : best), {
      point: '',
      options: [],
    });
  return holder.options.filter((option) => LOCKABLE.includes(option));
}

/** What is mounted in this process's namespace. */
export function mounts(): Mounted[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, , , , point = '', options = '']) => ({
      point: unescapeField(point),
      options: options.split(','),
    }));
}

/** Whether a path is a folder or inside it; both absolute. */
export function isWithin(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}

function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
