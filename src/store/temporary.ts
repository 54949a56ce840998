import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreLayout } from './layout.ts';
import { isAlive, processIdentity } from './process-identity.ts';

let serial = 0;

/** Numbers of the stores that this process has open: each knows its own files in the folder that they share. */
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
 * A path inside this process's own temporary folder, which is made when missing; nothing is there yet. It belongs to
 * this object: other open stores of the process, on the same folder, leave it alone.
 */
export function temporaryPath(layout: StoreLayout, name: string): string {
  const folder = join(layout.temporary, processIdentity);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${prefixOf(layout)}${++serial}-${name}`);
}

/** Deletes what `temporaryPath` gave for this object, and the process's temporary folder when nothing else is in it. */
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

/** Deletes the temporary folder of this process, with the files of all of its open stores: at its end. */
export function removeProcessTemporary(layout: StoreLayout): void {
  rmSync(join(layout.temporary, processIdentity), { recursive: true, force: true });
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
