import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreLayout } from './layout.ts';
import { isAlive, processIdentity } from './process-identity.ts';

let serial = 0;

/** Number of each store that this process has open, the prefix of its files in the process's temporary folder. */
const owners = new WeakMap<StoreLayout, number>();
let lastOwner = 0;

function prefixOf(layout: StoreLayout): string {
  let owner = owners.get(layout);
  if (owner === undefined) {
    owner = ++lastOwner;
    owners.set(layout, owner);
  }
  return `${owner}.`;
}

/**
 * An unused path in this process's temporary folder, which is created if missing. The path belongs to this layout
 * object: other open stores of the process with the same folder do not delete it.
 */
export function temporaryPath(layout: StoreLayout, name: string): string {
  const folder = join(layout.temporary, processIdentity);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${prefixOf(layout)}${++serial}-${name}`);
}

/** Deletes the paths of `temporaryPath` for this layout object, and the process's temporary folder if it is then empty. */
export function removeOwnTemporary(layout: StoreLayout): void {
  const folder = join(layout.temporary, processIdentity);
  const names = readNames(folder);
  const own = names.filter((name) => name.startsWith(prefixOf(layout)));
  for (const name of own) rmSync(join(folder, name), { recursive: true, force: true });
  if (own.length < names.length) return;
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Deletes the temporary folder of this process, with the files of all its open stores: called when the process ends. */
export function removeProcessTemporary(layout: StoreLayout): void {
  rmSync(join(layout.temporary, processIdentity), { recursive: true, force: true });
}

/**
 * Temporary folders of dead processes. Their content is not needed. Only the worker may be able to delete some of them,
 * whose files belong to other ids.
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

/** Writes a file atomically: to the temporary folder, then renamed. */
export function writeWhole(layout: StoreLayout, path: string, data: string | Uint8Array): void {
  const temporary = temporaryPath(layout, 'file');
  writeFileSync(temporary, data);
  renameSync(temporary, path);
}

/** Names in a folder; empty for a missing folder. */
export function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
