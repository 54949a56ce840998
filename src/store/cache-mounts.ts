import { existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, digestOf, hex } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, temporaryPath, writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/** What makes a cache mount the same one in another step or build. */
export interface CacheIdentity {
  id: string;
  /** Of the root directory of a new cache. */
  mode: number;
  uid: number;
  gid: number;
  /** Digest of what a new cache holds at first; absent: nothing. */
  seed?: string;
}

/** `cache-mounts/<name>/cache.json`: says what the folder `dir` beside it is. Its time: when it was last used. */
export interface CacheRecord extends CacheIdentity {
  /** RFC 3339. */
  created: string;
}

/** Whether something that was read from elsewhere identifies a cache mount. */
export function isCacheIdentity(value: Partial<CacheIdentity> | null | undefined): value is CacheIdentity {
  const { id, mode, uid, gid, seed } = value ?? {};
  const numbers = [mode, uid, gid].every((number) => Number.isSafeInteger(number) && number! >= 0);
  return typeof id === 'string' && numbers && (seed === undefined || typeof seed === 'string');
}

/** The identity in a record. */
export function cacheIdentity({ id, mode, uid, gid, seed }: CacheIdentity): CacheIdentity {
  return { id, mode, uid, gid, ...(seed === undefined ? {} : { seed }) };
}

export interface StoredCache {
  /** The folder's name: that of the identity, with a number behind it for further private ones. */
  name: string;
  record: CacheRecord;
  usedMs: number;
}

/** The name of a cache's folder. @param instance of private caches of the same identity: which one */
export function cacheName(identity: CacheIdentity, instance = 0): string {
  const { id, mode, uid, gid, seed } = identity;
  const name = hex(digestOf({ id, mode, uid, gid, seed })).slice(0, 32);
  return instance === 0 ? name : `${name}-${instance}`;
}

/** The folder of a cache's own files. Absolute path. */
export function cacheDirectory(layout: StoreLayout, name: string): string {
  return join(layout.cacheMounts, name, 'dir');
}

/** Notes that a cache is used now. */
export function touchCache(layout: StoreLayout, name: string): void {
  touch(join(layout.cacheMounts, name, 'cache.json'));
}

/**
 * Puts a new cache into the store, unless somebody else has in the meantime.
 *
 * @param folder absolute path of a temporary folder that holds `dir`; it is moved
 */
export function installCache(layout: StoreLayout, name: string, folder: string, record: CacheRecord): void {
  writeFileSync(join(folder, 'cache.json'), recordText(record));
  mkdirSync(layout.cacheMounts, { recursive: true });
  try {
    renameSync(folder, join(layout.cacheMounts, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** Takes a cache out of the store at once. @returns the temporary folder that is left to delete */
export function discardCache(layout: StoreLayout, name: string): string {
  const grave = temporaryPath(layout, 'cache');
  renameSync(join(layout.cacheMounts, name), grave);
  return grave;
}

/** An archive of a cache: `archive.json` beside its `cache.json` says what was made of it, or filled it. */
export interface CacheArchive {
  blob: Descriptor;
  /** Digest of the tar before it was compressed. */
  tar: Digest;
}

/** @param usedMs when the cache had last been used then, in milliseconds since 1970 */
export function noteArchive(layout: StoreLayout, name: string, archive: CacheArchive, usedMs: number): void {
  writeWhole(layout, archivePath(layout, name), recordText({ ...archive, usedMs } satisfies NotedArchive));
}

/**
 * The latest archive of a cache.
 *
 * @returns `isCurrent`: the cache has not been used since, so that the archive would be the same again
 */
export function notedArchive(
  layout: StoreLayout,
  { name, usedMs }: StoredCache,
): (CacheArchive & { isCurrent: boolean }) | undefined {
  const noted = readRecord<NotedArchive>(archivePath(layout, name));
  return noted && { blob: noted.blob, tar: noted.tar, isCurrent: noted.usedMs === usedMs };
}

interface NotedArchive extends CacheArchive {
  usedMs: number;
}

function archivePath(layout: StoreLayout, name: string): string {
  return join(layout.cacheMounts, name, 'archive.json');
}

/** Whether a cache is there, whole. */
export function hasCache(layout: StoreLayout, name: string): boolean {
  return existsSync(join(layout.cacheMounts, name, 'cache.json'));
}

/** A cache by its name, if it is there. */
export function findCache(layout: StoreLayout, name: string): StoredCache | undefined {
  const path = join(layout.cacheMounts, name, 'cache.json');
  const record = readRecord<CacheRecord>(path, { unsealed: true });
  return record === undefined ? undefined : { name, record, usedMs: statSync(path).mtimeMs };
}

/** All caches, by id. */
export function listCaches(layout: StoreLayout): StoredCache[] {
  const found = readNames(layout.cacheMounts).flatMap((name) => findCache(layout, name) ?? []);
  return found.sort((a, b) => (a.record.id < b.record.id ? -1 : a.record.id > b.record.id ? 1 : 0));
}
