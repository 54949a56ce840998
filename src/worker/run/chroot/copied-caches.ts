import { closeSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { diskPath } from '../../../layer/names.ts';
import type { CacheExecMount } from '../../../protocol/exec-request.ts';
import { temporaryPath } from '../../../store/temporary.ts';
import { openCacheDirectory, RunCaches } from '../../caches/cache-folders.ts';
import { copyTree } from '../../layers/disk-copy.ts';
import type { Locks } from '../../lock.ts';
import { exchange } from '../../native.ts';
import type { WorkerContext } from '../../worker-context.ts';

/** An open directory of a cache. The content of caches is untrusted: no symlink in them may be followed. */
interface OpenCache {
  /** File descriptor of the parent directory. */
  parent: number;
  name: string;
  readonly: boolean;
}

/**
 * The cache mounts of a run in a copied root: each is copied into the root, and replaces the old one when the command
 * has ended. The locks keep other commands from using the cache meanwhile.
 */
export class CopiedCaches {
  readonly #caches: RunCaches;
  readonly #open = new Map<number, OpenCache>();

  readonly #ctx: WorkerContext;

  constructor(ctx: WorkerContext, locks: Locks) {
    this.#ctx = ctx;
    this.#caches = new RunCaches(ctx, locks);
  }

  /** Waits for the locks, and creates missing caches. @param mounts by their numbers among the run's */
  async open(mounts: ReadonlyMap<number, CacheExecMount>, signal: AbortSignal): Promise<void> {
    const alone = [...mounts].map(([number, mount]): [number, CacheExecMount] => [
      number,
      mount.sharing === 'shared' ? { ...mount, sharing: 'locked' } : mount,
    ]);
    for (const [number, directory] of await this.#caches.open(new Map(alone), signal)) {
      const { path, readonly } = mounts.get(number)!;
      this.#open.set(number, { ...openBelow(directory, path), readonly });
    }
  }

  /** @param to absolute path, which must not exist */
  async copy(number: number, to: string): Promise<void> {
    const { parent, name } = this.#open.get(number)!;
    const fd = openCacheDirectory(`/proc/self/fd/${parent}/${name}`, name);
    try {
      await copyTree(`/proc/self/fd/${fd}/.`, to);
    } finally {
      closeSync(fd);
    }
  }

  /** Replaces the caches by their copies. @param whereabouts absolute path of a copy; undefined keeps the old cache */
  close(whereabouts: (number: number) => string | undefined): void {
    for (const [number, { parent, name, readonly }] of this.#open) {
      const copy = readonly ? undefined : whereabouts(number);
      if (copy !== undefined) this.#swap(copy, `/proc/self/fd/${parent}/${name}`);
      closeSync(parent);
    }
    this.#open.clear();
    this.#caches.close();
  }

  #swap(copy: string, cache: string): void {
    try {
      exchange(copy, cache);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      // A file system without atomic exchange.
      renameSync(diskPath(cache), temporaryPath(this.#ctx.layout, 'cache'));
      renameSync(copy, diskPath(cache));
    }
  }
}

/** Opens the parent of a path in a cache, directory by directory, and creates missing ones. */
function openBelow(cache: string, path: string): { parent: number; name: string } {
  const names = path === '' ? [] : path.split('/');
  let parent = openCacheDirectory(dirname(cache));
  let name = cache.slice(cache.lastIndexOf('/') + 1);
  try {
    for (const next of names) {
      const fd = openCacheDirectory(`/proc/self/fd/${parent}/${name}`, path);
      closeSync(parent);
      parent = fd;
      name = next;
      try {
        mkdirSync(diskPath(join(`/proc/self/fd/${parent}`, name)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    return { parent, name };
  } catch (error) {
    closeSync(parent);
    throw error;
  }
}
