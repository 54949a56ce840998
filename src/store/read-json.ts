import { readFileSync } from 'node:fs';

/**
 * The value in a JSON file; undefined for a missing file. A truncated one counts as missing: after a power failure the
 * disk may have a file's name without its content.
 */
export function readJson<T>(path: string): T | undefined {
  const text = readText(path);
  return text === undefined ? undefined : (parsed(text) as T | undefined);
}

/** Like `readJson`, but a damaged file, or one that does not hold an object, counts as an empty object. */
export function readObject(path: string): object | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  const value = parsed(text);
  return typeof value === 'object' && value !== null ? value : {};
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
