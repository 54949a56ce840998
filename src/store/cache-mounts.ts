import { existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, digestOf, hex } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, temporaryPath, writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/** Identity of a cache mount: steps and builds with the same one share the cache. */
export interface CacheIdentity {
  id: string;
  /** Mode and owner of the root directory of a new cache. */
  mode: number;
  uid: number;
  gid: number;
  /** Digest of the initial content (`from=`); absent: empty. */
  seed?: string;
}

/** `cache-mounts/<name>/cache.json`, about the folder `dir` beside it. The file's time is that of the last use. */
export interface CacheRecord extends CacheIdentity {
  /** RFC 3339. */
  created: string;
}

/** Checks the identity of a cache in untrusted JSON. */
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
  /** The folder's name: see `cacheName`. */
  name: string;
  record: CacheRecord;
  /** Time of the last use, in milliseconds since 1970. */
  usedMs: number;
}

/** The name of a cache's folder. @param instance number of a private cache with this identity */
export function cacheName(identity: CacheIdentity, instance = 0): string {
  const { id, mode, uid, gid, seed } = identity;
  const name = hex(digestOf({ id, mode, uid, gid, seed })).slice(0, 32);
  return instance === 0 ? name : `${name}-${instance}`;
}

/** The folder of a cache's files. Absolute path. */
export function cacheDirectory(layout: StoreLayout, name: string): string {
  return join(layout.cacheMounts, name, 'dir');
}

/** Sets a cache's time of last use to now. */
export function touchCache(layout: StoreLayout, name: string): void {
  touch(join(layout.cacheMounts, name, 'cache.json'));
}

/**
 * Puts a new cache into the store, unless another process has done so in the meantime.
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

/** Removes a cache from the store by a rename. @returns the temporary folder, which the caller deletes */
export function discardCache(layout: StoreLayout, name: string): string {
  const grave = temporaryPath(layout, 'cache');
  renameSync(join(layout.cacheMounts, name), grave);
  return grave;
}

/** `archive.json` beside `cache.json`: the last archive that was made of a cache, or that filled it. */
export interface CacheArchive {
  blob: Descriptor;
  /** Digest of the uncompressed tar. */
  tar: Digest;
}

/** @param usedMs time of the cache's last use when the archive was made, in milliseconds since 1970 */
export function noteArchive(layout: StoreLayout, name: string, archive: CacheArchive, usedMs: number): void {
  writeWhole(layout, archivePath(layout, name), recordText({ ...archive, usedMs } satisfies NotedArchive));
}

/**
 * The last archive of a cache.
 *
 * @returns `isCurrent`: the cache has not been used since, so a new archive would be the same
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

/** Whether a cache exists. */
export function hasCache(layout: StoreLayout, name: string): boolean {
  return existsSync(join(layout.cacheMounts, name, 'cache.json'));
}

/** A cache by its folder's name; undefined if it does not exist. */
export function findCache(layout: StoreLayout, name: string): StoredCache | undefined {
  const path = join(layout.cacheMounts, name, 'cache.json');
  const record = readRecord<CacheRecord>(path, { unsealed: true });
  return record === undefined ? undefined : { name, record, usedMs: statSync(path).mtimeMs };
}

/** All caches, sorted by id. */
export function listCaches(layout: StoreLayout): StoredCache[] {
  const found = readNames(layout.cacheMounts).flatMap((name) => findCache(layout, name) ?? []);
  return found.sort((a, b) => (a.record.id < b.record.id ? -1 : a.record.id > b.record.id ? 1 : 0));
}
