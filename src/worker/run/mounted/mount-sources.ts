import { closeSync, mkdirSync, statSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { MountLine } from '../../../launch/mount-table.ts';
import type { BoundSource } from '../../../launch/rootfs.ts';
import { diskPath } from '../../../layer/names.ts';
import type { CacheExecMount, ExecMount } from '../../../protocol/exec-request.ts';
import { openCacheDirectory, RunCaches } from '../../caches/cache-folders.ts';
import type { Locks } from '../../lock.ts';
import { MS, mount, unmount } from '../../native.ts';
import type { WorkerContext } from '../../worker-context.ts';
import { serveAgent } from '../agent.ts';
import { addMountFlags } from './mount-flags.ts';
import { MountedTrees, typeOnDisk } from './mounted-trees.ts';

/** The sources of a run's mounts: secrets, caches, trees, agents, folders. `close` releases them. */
export class MountSources {
  readonly #caches: RunCaches;
  readonly #trees: MountedTrees;
  readonly #agents: Server[] = [];
  readonly #mounted: string[] = [];

  readonly #folder: string;

  /** @param folder absolute path of the run's folder */
  constructor(ctx: WorkerContext, locks: Locks, folder: string) {
    this.#folder = folder;
    this.#caches = new RunCaches(ctx, locks);
    this.#trees = new MountedTrees(ctx, folder);
  }

  /** Mounts to make before the root's own ones. */
  get mounts(): readonly MountLine[] {
    return this.#trees.mounts;
  }

  /** Waits for cache locks, and creates the sources. @returns the sources to bind, by the mounts' numbers */
  async open(mounts: readonly ExecMount[], signal: AbortSignal): Promise<Map<number, BoundSource>> {
    const found = new Map<number, BoundSource>();
    const caches = new Map<number, CacheExecMount>();
    for (const [number, mount] of mounts.entries()) if (mount.type === 'cache') caches.set(number, mount);
    // Another mount has its target inside this cache: no other command may put a symlink there meanwhile.
    const alone = new Set([...caches.keys()].filter((number) => holdsAnother(mounts, number)));
    for (const [number, path] of await this.#caches.open(caches, signal, alone)) {
      const below = caches.get(number)!.path;
      const source = below === '' ? path : this.#bindBelow(path, below, number);
      found.set(number, {
        source,
        kind: 'directory',
        ...(alone.has(number) ? { type: (inner: string) => typeOnDisk(source, inner) } : {}),
      });
    }
    for (const [number, mount] of mounts.entries()) {
      if (mount.type === 'bind' && mount.recursive) {
        const flags = mount.readonly ? MS.NODEV | MS.RDONLY : MS.NODEV;
        const bound = this.#bindAll(`bind-${number}`, mount.source, flags);
        if (bound !== undefined) found.set(number, bound);
      }
      if (mount.type === 'tree') found.set(number, await this.#trees.add(number, mount));
      if (mount.type === 'agent') found.set(number, await this.#agent(number, mount));
    }
    return found;
  }

  /** The machine's /sys with its submounts, read-only, for commands that cannot mount their own. */
  readOnlySys(): string {
    return this.#bindAll('sys', '/sys', MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC)!.source;
  }

  close(): void {
    for (const server of this.#agents) server.close();
    for (const path of this.#mounted) unmount(path);
    this.#caches.close();
  }

  /**
   * Bind-mounts a directory with its submounts into the run's folder.
   *
   * @param flags of `MS`, set on each of these mounts
   * @returns undefined when the source is not a directory
   */
  #bindAll(name: string, source: string, flags: number): BoundSource | undefined {
    if (!statSync(source).isDirectory()) return undefined;
    const place = join(this.#folder, name);
    mkdirSync(place);
    mount(source, place, 'none', MS.BIND | MS.REC);
    this.#mounted.push(place);
    addMountFlags(place, flags);
    return { source: place, kind: 'directory' };
  }

  async #agent(number: number, mount: Extract<ExecMount, { type: 'agent' }>): Promise<BoundSource> {
    const source = join(this.#folder, `agent-${number}`);
    this.#agents.push(await serveAgent(source, mount));
    return { source, kind: 'file' };
  }

  /**
   * Bind-mounts a directory of a cache into the run's folder. The content of caches is untrusted, and may change at any
   * moment: each directory is opened through its parent's file descriptor, so that no symlink is followed.
   */
  #bindBelow(cache: string, path: string, number: number): string {
    let fd = openCacheDirectory(cache);
    try {
      for (const name of path.split('/')) {
        const next = `/proc/self/fd/${fd}/${name}`;
        try {
          mkdirSync(diskPath(next));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        }
        const above = fd;
        fd = openCacheDirectory(next, path);
        closeSync(above);
      }
      const place = join(this.#folder, `cache-${number}`);
      mkdirSync(place);
      mount(`/proc/self/fd/${fd}`, place, 'none', MS.BIND);
      this.#mounted.push(place);
      return place;
    } finally {
      closeSync(fd);
    }
  }
}

/** Whether the target of another mount is inside that of this one. */
function holdsAnother(mounts: readonly ExecMount[], number: number): boolean {
  const { target } = mounts[number]!;
  return mounts.some((other) => other.target.startsWith(`${target}/`));
}
