import type { CachedMount } from '../../cache/cache-manifest.ts';
import type { SharedCache } from '../../cache/shared-cache.ts';
import { JettisonError } from '../../errors/error.ts';
import type { Emit } from '../../events/event.ts';
import { size } from '../../events/units.ts';
import type { RunStep } from '../../plan/plan.ts';
import type { Worker } from '../../protocol/operations.ts';
import { type CacheIdentity, cacheName } from '../../store/cache-mounts.ts';
import type { Store } from '../../store/store.ts';

/** The parts of a build that an import uses. */
interface ImportContext {
  store: Store;
  emit: Emit;
  signal: AbortSignal;
  worker: () => Promise<Worker>;
}

/** The cache mounts of a build's commands. */
export class BuildCacheMounts {
  readonly #used = new Map<string, CacheIdentity>();
  readonly #importing = new Map<string, Promise<void>>();

  /** @param shared caches of other machines */
  constructor(private readonly shared: SharedCache | undefined) {}

  /** The cache mounts that commands of this build have used. */
  get used(): readonly CacheIdentity[] {
    return [...this.#used.values()];
  }

  /**
   * Fills the empty cache mounts of a command from other machines. A failure is a warning, since commands also work with
   * an empty cache.
   */
  async prepare(context: ImportContext, step: RunStep, caches: readonly CacheIdentity[]): Promise<void> {
    for (const cache of caches) this.#used.set(cacheName(cache), cache);
    const known = caches.flatMap((cache) => this.shared?.mount(cache) ?? []);
    await Promise.all(
      known.map((mount) => {
        const name = cacheName(mount.cache);
        let importing = this.#importing.get(name);
        if (importing === undefined) {
          importing = this.#import(context, step, mount, name);
          this.#importing.set(name, importing);
        }
        return importing;
      }),
    );
  }

  async #import(context: ImportContext, step: RunStep, mount: CachedMount, name: string): Promise<void> {
    const { emit, store } = context;
    const worker = await context.worker();
    // Another build may be importing the same mount.
    const lock = `cache-fill-${name}`;
    await worker.lock({ name: lock });
    try {
      if ((await worker.emptyCaches({ names: [name] })).length === 0) return;
      const { archive, cache } = mount;
      const text = `fetching the cache mount ${cache.id} (${size(archive.size)})`;
      emit({ type: 'step.progress', step: step.id, text });
      await this.shared!.fetchMount(mount);
      await worker.fillCache({ name, archive });
      // The archive is not needed any more.
      await worker.remove({ paths: [store.blobs.path(archive.digest)] });
    } catch (error) {
      if (!(error instanceof JettisonError) || context.signal.aborted) throw error;
      emit({
        type: 'warning',
        code: 'CACHE_MOUNT',
        message: `The cache mount ${mount.cache.id} is not imported: ${error.message}`,
        location: step.location,
      });
    } finally {
      await worker.unlock({ name: lock }).catch(() => {});
    }
  }
}
