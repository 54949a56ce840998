import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreLayout } from './layout.ts';
import { isAlive, processIdentity } from './process-identity.ts';

let serial = 0;

/** A path inside this process's own temporary folder, which is made when missing; nothing is there yet. */
export function temporaryPath(layout: StoreLayout, name: string): string {
  const folder = join(layout.temporary, processIdentity);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${++serial}-${name}`);
}

/** Deletes this process's temporary folder and everything in it. */
export function removeOwnTemporary(layout: StoreLayout): void {
  const folder = join(layout.temporary, processIdentity);
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
}

/**
 * Temporary folders whose process is dead. They hold nothing that anyone needs; some of them only the worker
 * may delete (their files belong to other ids).
 */
export function deadTemporaries(layout: StoreLayout): string[] {
  const dead: string[] = [];
  for (const name of readNames(layout.temporary)) {
    const path = join(layout.temporary, name);
    const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (touched !== undefined && name !== processIdentity && !isAlive(name, touched)) dead.push(path);
  }
  return dead;
}

/** Writes a file so that readers see the whole of it or nothing: to the temporary folder, then renamed. */
export function writeWhole(layout: StoreLayout, path: string, data: string | Uint8Array): void {
  const temporary = temporaryPath(layout, 'file');
  writeFileSync(temporary, data);
  renameSync(temporary, path);
}

/** Names in a folder; none when there is no such folder. */
export function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
