import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

/** Replaces a file's text at once, keeping its mode; through a symlink, the file that it leads to. */
export function replaceFile(path: string, text: string): void {
  const exists = statSync(path, { throwIfNoEntry: false });
  const real = exists === undefined ? path : realpathSync(path);
  const temporary = `${real}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: exists === undefined ? 0o644 : exists.mode & 0o777, flag: 'wx' });
    renameSync(temporary, real);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
