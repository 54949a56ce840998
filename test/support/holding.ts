import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { asOwner } from './as-owner.ts';

const SEARCH = fileURLToPath(new URL('holding-search.mjs', import.meta.url));

/**
 * Files of a folder that hold one of the texts: in their path, as it is, in base64, or compressed. Files that this
 * user's subordinate ids have are looked into as well.
 */
export function holding(folder: string, texts: readonly string[]): string[] {
  const [program = '', ...args] = [...asOwner(), process.execPath, SEARCH, folder];
  return JSON.parse(
    execFileSync(program, args, { input: JSON.stringify(texts), encoding: 'utf8', maxBuffer: 1 << 26 }),
  );
}
