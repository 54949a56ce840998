import { createHash } from 'node:crypto';
import { closeSync, lstatSync, opendirSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../../errors/error.ts';
import type { Digest } from '../../image/digest.ts';
import type { Descriptor } from '../../image/types.ts';
import type { RequestOf } from '../../protocol/operations.ts';
import {
  cacheDirectory,
  cacheIdentity,
  cacheName,
  discardCache,
  findCache,
  installCache,
  noteArchive,
  notedArchive,
} from '../../store/cache-mounts.ts';
import { readNames, temporaryPath } from '../../store/temporary.ts';
import { writeAll } from '../file-io.ts';
import { remove } from '../layers/remove.ts';
import { unpackTree } from '../layers/unpack.ts';
import type { Locks } from '../lock.ts';
import type { WorkerContext } from '../worker-context.ts';
import { gzipTo, type Out, readRecord, writeCaches } from './cache-archive.ts';
import { useLock } from './cache-folders.ts';
import { Needles } from './needles.ts';

const MEDIA_TYPE = 'application/vnd.jettison.cache.mount.v1.tar+gzip';

/** The names of caches that are missing or empty. */
export async function emptyCaches(ctx: WorkerContext, { names }: { names: string[] }): Promise<string[]> {
  return names.filter((name) => isEmpty(ctx, name));
}

function isEmpty(ctx: WorkerContext, name: string): boolean {
  const folder = cacheDirectory(ctx.layout, name);
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return true;
  const open = opendirSync(folder);
  try {
    return open.readSync() === null;
  } finally {
    open.closeSync();
  }
}

/**
 * Packs one cache for other machines, once no command uses it.
 *
 * @throws JettisonError `SECRET_IN_CACHE` when a secret's value is in it
 */
export async function packCache(
  ctx: WorkerContext,
  locks: Locks,
  { name, secrets }: RequestOf<'packCache'>,
): Promise<Descriptor | undefined> {
  await locks.take(useLock(name));
  const temporary = temporaryPath(ctx.layout, 'cache-archive');
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    const cache = findCache(ctx.layout, name);
    if (cache === undefined || isEmpty(ctx, name)) return undefined;
    const [sum, tar] = [createHash('sha256'), createHash('sha256')];
    let size = 0;
    const gzip = gzipTo(
      (bytes) => {
        sum.update(bytes);
        size += bytes.length;
        writeAll(fd, bytes);
      },
      (bytes) => tar.update(bytes),
    );
    await writeCaches(ctx, [name], withoutSecrets(gzip, secrets, cache.record.id));
    const digest: Digest = `sha256:${sum.digest('hex')}`;
    renameSync(temporary, ctx.layout.blob(digest));
    const blob = { mediaType: MEDIA_TYPE, digest, size };
    noteArchive(ctx.layout, name, { blob, tar: `sha256:${tar.digest('hex')}` }, cache.usedMs);
    return blob;
  } finally {
    closeSync(fd);
    rmSync(temporary, { force: true });
    locks.release(useLock(name));
  }
}

/**
 * The archive that was last made from a cache, or filled it, if packing the cache now would give the same tar. Reads
 * the whole cache, which is much quicker than compressing it.
 */
export async function knownArchive(
  ctx: WorkerContext,
  locks: Locks,
  { name }: { name: string },
): Promise<Descriptor | undefined> {
  await locks.take(useLock(name));
  try {
    const cache = findCache(ctx.layout, name);
    const noted = cache && notedArchive(ctx.layout, cache);
    if (noted === undefined || noted.isCurrent) return noted?.blob;
    const tar = createHash('sha256');
    await writeCaches(ctx, [name], { write: async (data) => void tar.update(data), end: async () => {} });
    if (`sha256:${tar.digest('hex')}` !== noted.tar) return undefined;
    noteArchive(ctx.layout, name, { blob: noted.blob, tar: noted.tar }, cache!.usedMs);
    return noted.blob;
  } finally {
    locks.release(useLock(name));
  }
}

/** Throws when a secret is written, also one that is split across two writes. */
function withoutSecrets(out: Out, secrets: readonly [string, Uint8Array][], cache: string): Out {
  const wanted = new Needles(secrets);
  const overlap = Math.max(0, wanted.longest - 1);
  let before: Buffer = Buffer.alloc(0);
  return {
    write: async (data) => {
      if (wanted.longest > 0) {
        const seen = Buffer.concat([before, data]);
        const found = wanted.find(seen);
        if (found !== undefined) throw secretFound(found, cache);
        before = seen.subarray(Math.max(0, seen.length - overlap));
      }
      await out.write(data);
    },
    end: () => out.end(),
  };
}

function secretFound(secret: string, cache: string): JettisonError {
  return new JettisonError(
    'SECRET_IN_CACHE',
    `the cache mount ${cache} holds the secret "${secret}", or part of it`,
    {
      hint: 'A command wrote it there. Delete the cache mount with `jettison cache-mounts rm`.',
    },
  );
}

/**
 * Fills a missing or empty cache from an archive.
 *
 * @throws JettisonError `CACHE_ARCHIVE` when it is not an archive of this cache; `TAR_INVALID`, `COMPRESSION_INVALID`
 */
export async function fillCache(
  ctx: WorkerContext,
  locks: Locks,
  { name, archive }: RequestOf<'fillCache'>,
): Promise<boolean> {
  const folder = temporaryPath(ctx.layout, 'caches');
  try {
    const tar = await unpackTree(ctx, ctx.layout.blob(archive.digest), folder);
    const [found = '', ...more] = readNames(folder);
    const record = await readRecord(folder, found);
    const isIt = found === name && more.length === 0 && cacheName(cacheIdentity(record)) === name;
    if (!isIt) {
      throw new JettisonError('CACHE_ARCHIVE', `this is an archive of another cache mount: ${record.id}`);
    }
    // In use: that command is about to fill it.
    if (!locks.tryTake(useLock(name))) return false;
    try {
      if (!isEmpty(ctx, name)) return false;
      const old = findCache(ctx.layout, name) === undefined ? undefined : discardCache(ctx.layout, name);
      installCache(ctx.layout, name, join(folder, name), record);
      if (old !== undefined) await remove(ctx, { paths: [old] });
      const made = findCache(ctx.layout, name);
      if (made !== undefined) noteArchive(ctx.layout, name, { blob: archive, tar }, made.usedMs);
      return true;
    } finally {
      locks.release(useLock(name));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
