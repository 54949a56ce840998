import { readFileSync } from 'node:fs';

/**
 * The value in a JSON file; undefined when there is no such file. One that is not whole counts as none: all
 * files of the store are written whole and renamed, but after a power failure the disk may have the name and
 * not the content.
 */
export function readJson<T>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
