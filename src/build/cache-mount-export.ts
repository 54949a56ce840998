import type { CachedMount } from '../cache/cache-manifest.ts';
import type { SharedMount } from '../cache/export-cache.ts';
import type { SharedCache } from '../cache/shared-cache.ts';
import { JettisonError } from '../errors/error.ts';
import type { Emit } from '../events/event.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { CacheMount, Plan } from '../plan/plan.ts';
import type { Worker } from '../protocol/operations.ts';
import type { BuildCacheMounts } from '../solve/steps/cache-mount-import.ts';
import {
  type CacheIdentity,
  cacheIdentity,
  cacheName,
  findCache,
  listCaches,
  notedArchive,
} from '../store/cache-mounts.ts';
import type { Store } from '../store/store.ts';
import { secretForms } from './secret-forms.ts';

/** Lock of the processes that pack archives, which are in the store only until they are exported. */
const LOCK = 'cache-archives';

/**
 * Exports the cache mounts of a build for other machines. A mount that the build's commands have used has its new
 * content. Others have that of an imported cache, else that of an earlier build.
 */
export class CacheMountExport {
  readonly #archives = new Map<string, Promise<Descriptor | undefined>>();
  readonly #made = new Set<Digest>();
  #locked: Promise<void> | undefined;

  constructor(
    private readonly options: {
      store: Store;
      plans: readonly Plan[];
      mounts: BuildCacheMounts;
      shared: SharedCache | undefined;
      secrets: ReadonlyMap<string, Uint8Array>;
      worker: () => Promise<Worker>;
      emit: Emit;
    },
  ) {}

  /** The mounts, sorted by name. */
  list(): SharedMount[] {
    const { store, plans, mounts, shared } = this.options;
    const stored = listCaches(store.layout)
      // Further copies of private caches are left out.
      .filter(({ name, record }) => name === cacheName(cacheIdentity(record)))
      .sort((a, b) => b.usedMs - a.usedMs)
      .map(({ record }) => cacheIdentity(record));
    const chosen = new Map<string, SharedMount>();
    for (const cache of mounts.used) chosen.set(cacheName(cache), this.#own(cache));
    for (const mount of plans.flatMap(cacheMounts)) {
      const isIt = (cache: CacheIdentity) => matches(cache, mount);
      if (mounts.used.some(isIt)) continue;
      const given = shared?.mounts().find(({ cache }) => isIt(cache));
      const own = stored.find(isIt);
      if (given !== undefined) {
        chosen.set(cacheName(given.cache), { ...given, fetch: () => this.#fetch(given) });
      } else if (own !== undefined) chosen.set(cacheName(own), this.#own(own));
    }
    return [...chosen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, mount]) => mount);
  }

  /** Deletes the archives. */
  async close(): Promise<void> {
    if (this.#locked === undefined) return;
    const { store, worker } = this.options;
    const paths = [...this.#made].map((digest) => store.blobs.path(digest));
    await (await worker()).remove({ paths });
    await (await worker()).unlock({ name: LOCK });
  }

  #own(cache: CacheIdentity): SharedMount {
    return { cache, known: () => this.#known(cacheName(cache)), pack: () => this.#packed(cache) };
  }

  async #known(name: string): Promise<Descriptor | undefined> {
    const { store, worker } = this.options;
    const stored = findCache(store.layout, name);
    const noted = stored && notedArchive(store.layout, stored);
    return noted === undefined || noted.isCurrent ? noted?.blob : (await worker()).knownArchive({ name });
  }

  /** Packs a mount once for all places. */
  #packed(cache: CacheIdentity): Promise<Descriptor | undefined> {
    const name = cacheName(cache);
    let archive = this.#archives.get(name);
    if (archive === undefined) {
      archive = this.#alone().then(() => this.#pack(cache));
      this.#archives.set(name, archive);
    }
    return archive;
  }

  async #pack(cache: CacheIdentity): Promise<Descriptor | undefined> {
    const { emit, worker } = this.options;
    const started = Date.now();
    const what = `cache mount ${cache.id}`;
    emit({ type: 'export.started', what });
    try {
      const archive = await (await worker()).packCache({ name: cacheName(cache), secrets: this.#secrets() });
      if (archive !== undefined) this.#made.add(archive.digest);
      return archive;
    } catch (error) {
      if (!(error instanceof JettisonError) || error.code !== 'SECRET_IN_CACHE') throw error;
      const { code, hint } = error;
      emit({ type: 'warning', code, message: `${error.message}: it is not exported`, ...(hint && { hint }) });
      return undefined;
    } finally {
      emit({ type: 'export.finished', what, durationMs: Date.now() - started });
    }
  }

  async #fetch(mount: CachedMount): Promise<void> {
    await this.#alone();
    await this.options.shared!.fetchMount(mount);
    this.#made.add(mount.archive.digest);
  }

  #secrets(): [string, Uint8Array][] {
    return [...this.options.secrets].flatMap(([id, value]): [string, Uint8Array][] => {
      return secretForms(value).map((form) => [id, form]);
    });
  }

  #alone(): Promise<void> {
    this.#locked ??= this.options.worker().then((worker) => worker.lock({ name: LOCK }));
    return this.#locked;
  }
}

function cacheMounts(plan: Plan): CacheMount[] {
  const steps = plan.stages.flatMap((stage) => stage.steps);
  const mounts = steps.flatMap((step) => (step.kind === 'run' ? step.mounts : []));
  return mounts.filter((mount) => mount.type === 'cache');
}

/** Whether a cache may belong to a mount. The seed of a new cache is unknown until the mount is made. */
function matches(cache: CacheIdentity, { id, mode, uid, gid, from }: CacheMount): boolean {
  const isSame = cache.id === id && cache.mode === mode && cache.uid === uid && cache.gid === gid;
  return isSame && (cache.seed !== undefined) === (from !== undefined);
}
