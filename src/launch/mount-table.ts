import { existsSync, readFileSync, realpathSync } from 'node:fs';

/** A line of /proc/self/mountinfo. */
export interface Mounted {
  /** Absolute path. */
  point: string;
  /** Per mount: `rw`, `nosuid`, `relatime` … */
  options: string[];
}

const LOCKABLE = ['nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'relatime'];

/** One line of a table for mount(8). */
export interface MountLine {
  /** Absent: the target itself, to change the options of its mount. */
  source?: string;
  /** Relative to the root, without symlinks; or absolute, outside the root. */
  target: string;
  type: string;
  options: string;
}

/** Options of mounts without programs and devices. */
export const SAFE = 'nosuid,nodev,noexec';

/**
 * Flags of a path's mount that a remount must repeat, since they are locked in a user namespace.
 */
export function lockedOptions(path: string): string[] {
  // A missing path will be mounted by this process itself.
  const real = existsSync(path) ? realpathSync(path) : path;
  return mountOptions(real).filter((option) => LOCKABLE.includes(option));
}

/** Options of the mount that contains a path; empty if unknown. @param path absolute, without symlinks */
export function mountOptions(path: string): string[] {
  const holder = mounts()
    .filter(({ point }) => isWithin(path, point))
    // Of two mounts at one place, the later one is visible.
    .reduce((best, next) => (next.point.length >= best.point.length ? next : best), {
      point: '',
      options: [],
    });
  return holder.options;
}

/** The mounts of this process's namespace. */
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

/** The text of a table for `mount --all --fstab`. @param root absolute path of the root */
export function fstab(root: string, mounts: readonly MountLine[]): string {
  return mounts
    .map(({ source, target, type, options }) => {
      const path = target === '' ? root : target.startsWith('/') ? target : `${root}/${target}`;
      return `${[source ?? path, path, type, options, '0', '0'].map(escapeField).join(' ')}\n`;
    })
    .join('');
}

function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** fstab(5) needs spaces and backslashes in octal. */
function escapeField(field: string): string {
  return field.replace(
    /[ \t\n\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
