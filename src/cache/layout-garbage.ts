import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, hex, isDigest } from '../image/digest.ts';
import type { Descriptor, Index, Manifest } from '../image/types.ts';
import { isWithin, openFileWithin } from '../layer/host-file.ts';
import { TEMPORARY } from '../layout/folder-writer.ts';
import { readNames } from '../store/temporary.ts';

/** Blobs written or touched more recently are kept, for processes that are about to name them, and for readers. */
const GRACE_MS = 60 * 60 * 1000;
/** File names of blobs. */
const BLOB = /^[0-9a-f]{64}$/;

/**
 * Deletes unreferenced blobs of an image layout, of replaced caches. If a manifest cannot be read, all blobs stay. Other
 * processes may write at the same time.
 *
 * @param folder absolute path
 * @param named reads the descriptors of the layout's tags
 */
export function collectGarbage(folder: string, named: () => readonly Descriptor[]): void {
  try {
    collect(folder, named);
  } catch (error) {
    // A file that cannot be deleted does not fail the build: the cache is complete.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
}

function collect(folder: string, named: () => readonly Descriptor[]): void {
  const blobs = join(folder, 'blobs', 'sha256');
  const old = namesWithin(folder, blobs).filter(
    (name) => BLOB.test(name) && age(join(blobs, name)) > GRACE_MS,
  );
  if (old.length === 0) return;
  const needed = needs(blobs, named());
  if (needed === undefined) return;
  for (const name of old) {
    if (needed.has(name)) continue;
    const grave = join(folder, TEMPORARY, randomUUID());
    try {
      // Another process may just have touched it: check again before deleting it.
      renameSync(join(blobs, name), grave);
      if (age(grave) <= GRACE_MS) renameSync(grave, join(blobs, name));
      else rmSync(grave);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Milliseconds since a file was written or touched; 0 for a missing file. */
function age(path: string): number {
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return touched === undefined ? 0 : Date.now() - touched;
}

/** File names of all blobs that manifests refer to; undefined when one cannot be read. */
function needs(blobs: string, manifests: readonly Descriptor[]): Set<string> | undefined {
  const found = new Set<string>();
  const visit = ({ digest }: { digest: Digest }): void => {
    if (!isDigest(digest)) throw new TypeError(`invalid digest "${digest}"`);
    if (found.has(hex(digest))) return;
    found.add(hex(digest));
    const document = JSON.parse(readWithin(blobs, hex(digest))) as Partial<Manifest & Index>;
    document.manifests?.forEach(visit);
    for (const blob of [document.config!, ...(document.layers ?? [])].filter(Boolean)) {
      if (!isDigest(blob.digest)) throw new TypeError(`invalid digest "${blob.digest}"`);
      found.add(hex(blob.digest));
    }
  };
  try {
    manifests.forEach(visit);
    return found;
  } catch {
    return undefined;
  }
}

/** Names in a folder of the layout; empty when a symlink leads outside, where nothing may be deleted. */
function namesWithin(layout: string, folder: string): string[] {
  return existsSync(folder) && isWithin(layout, folder) ? readNames(folder) : [];
}

function readWithin(folder: string, name: string): string {
  const fd = openFileWithin(folder, name);
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
