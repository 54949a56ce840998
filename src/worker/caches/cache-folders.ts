import { chmodSync, chownSync, constants, mkdirSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../../errors/error.ts';
import { diskPath } from '../../layer/names.ts';
import type { CacheExecMount } from '../../protocol/exec-request.ts';
import {
  type CacheIdentity,
  cacheDirectory,
  cacheName,
  hasCache,
  installCache,
  touchCache,
} from '../../store/cache-mounts.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { isMapped } from '../id-map.ts';
import { makeDirectory } from '../layers/materialise.ts';
import type { Locks } from '../lock.ts';
import type { WorkerContext } from '../worker-context.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** The cache mounts of one run, with locks on those of type `locked` and `private`. */
export class RunCaches {
  readonly #held: string[] = [];
  readonly #shared: (() => void)[] = [];

  readonly #ctx: WorkerContext;
  readonly #locks: Locks;

  constructor(ctx: WorkerContext, locks: Locks) {
    this.#ctx = ctx;
    this.#locks = locks;
  }

  /**
   * Waits for the locks, and creates missing caches.
   *
   * @param mounts by their numbers among the run's
   * @param alone numbers of the caches that no other command may have meanwhile
   * @returns absolute paths of the directories to mount, by the same numbers
   */
  async open(
    mounts: ReadonlyMap<number, CacheExecMount>,
    signal: AbortSignal,
    alone: ReadonlySet<number> = new Set(),
  ): Promise<Map<number, string>> {
    const locked = [...mounts.values()].filter(({ sharing }) => sharing === 'locked');
    // Always in the same order, so that no two runs wait for each other.
    for (const name of new Set(locked.map(({ cache }) => lockName(cacheName(cache))).sort())) {
      await this.#locks.take(name, signal);
      this.#held.push(name);
    }
    const names = new Map<number, string>();
    for (const [number, { sharing, cache }] of mounts) {
      names.set(number, sharing === 'private' ? this.#private(cache) : cacheName(cache));
    }
    // Commands share this lock; packing or filling a cache takes it exclusively.
    const exclusive = new Set([...alone].map((number) => names.get(number)));
    for (const name of [...new Set(names.values())].sort()) {
      if (exclusive.has(name)) {
        await this.#locks.take(useLock(name), signal);
        this.#held.push(useLock(name));
      } else {
        this.#shared.push(await this.#locks.share(useLock(name), signal));
      }
    }
    const paths = new Map<number, string>();
    for (const [number, mount] of mounts) {
      const name = names.get(number)!;
      if (!hasCache(this.#ctx.layout, name)) await this.#make(name, mount);
      touchCache(this.#ctx.layout, name);
      paths.set(number, cacheDirectory(this.#ctx.layout, name));
    }
    return paths;
  }

  /** Releases the locks. */
  close(): void {
    for (const end of this.#shared.splice(0)) end();
    for (const name of this.#held.splice(0)) this.#locks.release(name);
  }

  /** The first cache of an identity that no other run is using. */
  #private(identity: CacheIdentity): string {
    for (let instance = 0; ; instance++) {
      const name = cacheName(identity, instance);
      if (!this.#locks.tryTake(lockName(name))) continue;
      this.#held.push(lockName(name));
      return name;
    }
  }

  async #make(name: string, { cache, seed }: CacheExecMount): Promise<void> {
    const folder = temporaryPath(this.#ctx.layout, 'cache');
    mkdirSync(folder, { mode: 0o700 });
    const directory = join(folder, 'dir');
    if (seed === undefined) {
      mkdirSync(directory);
      if (isMapped('uid', cache.uid) && isMapped('gid', cache.gid)) {
        chownSync(directory, cache.uid, cache.gid);
      }
      chmodSync(directory, cache.mode);
    } else {
      // Copied: commands write to a cache, and the seed's files belong to layers.
      await makeDirectory(this.#ctx, join(folder, 'seed'), seed.recipe);
      renameSync(join(folder, 'seed', seed.path), directory);
    }
    installCache(this.#ctx.layout, name, folder, { ...cache, created: new Date().toISOString() });
  }
}

function lockName(cache: string): string {
  return `cache-${cache}`;
}

/** The lock that all commands with a cache hold together. */
export function useLock(cache: string): string {
  return `cache-use-${cache}`;
}

/**
 * Opens a directory of a cache. Its content is untrusted: a symlink in the last part of the path is not followed.
 *
 * @param shown the path for people
 * @throws JettisonError `MOUNT_SOURCE` when it is not a directory
 */
export function openCacheDirectory(path: string, shown = path): number {
  try {
    return openSync(diskPath(path), DIRECTORY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
    throw new JettisonError('MOUNT_SOURCE', `${shown} in the cache is not a directory`, {
      hint: 'Mount another part of the cache, or remove it with `jettison cache-mounts rm`.',
    });
  }
}
