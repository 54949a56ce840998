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

/** A directory of a cache, held open: what is in caches is the commands' business, and no symlink may lead out. */
interface OpenCache {
  /** Of the directory above it. */
  parent: number;
  name: string;
  readonly: boolean;
}

/**
 * The cache mounts of a run on a copied tree: copied into it, and put in the old one's place when the command has
 * ended. Until then others have the old one, and nobody else's command runs with it.
 */
export class CopiedCaches {
  readonly #caches: RunCaches;
  readonly #open = new Map<number, OpenCache>();

  readonly #ctx: WorkerContext;

  constructor(ctx: WorkerContext, locks: Locks) {
    this.#ctx = ctx;
    this.#caches = new RunCaches(ctx, locks);
  }

  /** Waits for the caches, and makes those that are missing. @param mounts by their numbers among the run's */
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

  /** @param to absolute path, where nothing is */
  async copy(number: number, to: string): Promise<void> {
    const { parent, name } = this.#open.get(number)!;
    const fd = openCacheDirectory(`/proc/self/fd/${parent}/${name}`, name);
    try {
      await copyTree(`/proc/self/fd/${fd}/.`, to);
    } finally {
      closeSync(fd);
    }
  }

  /** Puts what there is now in the old caches' places. @param whereabouts absolute path of a copy, if it is to be kept */
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
      // A file system that cannot do it at once.
      renameSync(diskPath(cache), temporaryPath(this.#ctx.layout, 'cache'));
      renameSync(copy, diskPath(cache));
    }
  }
}

/** Opens the directory above one in a cache, which is made when missing, directory by directory. */
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
