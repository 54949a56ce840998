import { linkSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import type { WrittenFiles } from '../init/find-recipe.ts';
import { replaceFile } from './replace-file.ts';

/** A file that differs from what is there, or is missing. */
export interface FileChange {
  name: string;
  text: string;
  /** Unified. */
  diff: string;
}

/** How some files of a folder would change. */
export async function changesOf(folder: string, files: WrittenFiles): Promise<FileChange[]> {
  // Loaded here: it brings `diff` along.
  const { patchText } = await import('./patch-text.ts');
  return Object.entries(files).flatMap(([name, text]) => {
    const path = join(folder, name);
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status !== undefined && !status.isFile()) {
      throw new JettisonError('INIT_FILE', `${path} is not a regular file`, {
        hint: 'Init changes regular files only: move it away.',
      });
    }
    const before = status === undefined ? undefined : readFileSync(path, 'utf8');
    if (before === text) return [];
    return [{ name, text, diff: patchText(name, before, text) }];
  });
}

/**
 * Writes a file whole or not at all. A file that has appeared in between is not overwritten.
 *
 * @param replace the file is there, and keeps its mode
 * @throws JettisonError `INIT_FILE`
 */
export function writeChange(folder: string, { name, text }: FileChange, replace: boolean): void {
  const path = join(folder, name);
  try {
    if (replace) replaceFile(path, text);
    else createFile(path, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new JettisonError('INIT_FILE', `cannot write ${path}: ${code === 'EEXIST' ? 'it exists' : code}`, {
      hint: 'Check the rights of the folder.',
    });
  }
}

function createFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { flag: 'wx' });
    linkSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}
