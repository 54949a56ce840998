import {
  type CacheLocation,
  type CacheSource,
  type CacheTarget,
  imageBackend,
  isPlace,
  placeBackend,
} from '../cache/backends.ts';
import type { CachePlace } from '../cache/place.ts';
import type { SharedCache } from '../cache/shared-cache.ts';
import { JettisonError } from '../errors/error.ts';
import { fromSystemError } from '../errors/system.ts';
import type { Emit } from '../events/event.ts';
import { sparing } from '../events/transfer.ts';
import type { BuiltPlatform } from '../export/output.ts';
import type { Plan } from '../plan/plan.ts';
import type { Worker } from '../protocol/operations.ts';
import type { Registries } from '../registry/registries.ts';
import { isLost } from '../solve/lost-layers.ts';
import type { Solver } from '../solve/solver.ts';
import type { BuildCacheMounts } from '../solve/steps/cache-mount-import.ts';
import type { Store } from '../store/store.ts';
import type { CacheMountExport } from './cache-mount-export.ts';

/** The parts of a build that caches are exported from. */
interface BuildWork {
  solvers: readonly Solver[];
  plans: readonly Plan[];
  mounts: BuildCacheMounts;
  secrets: ReadonlyMap<string, Uint8Array>;
}

/** The caches that a build shares with other machines: `--cache-from` and `--cache-to`. */
export class BuildCache {
  readonly #opened = new Map<boolean, Promise<Registries>>();
  #loading?: Promise<SharedCache | undefined>;

  constructor(
    private readonly options: {
      store: Store;
      from: readonly CacheSource[];
      to: readonly CacheTarget[];
      env: NodeJS.ProcessEnv;
      signal: AbortSignal;
      emit: Emit;
      worker: () => Promise<Worker>;
    },
  ) {}

  /** Reads the lists of steps. A source that cannot be read is a warning. Undefined without sources. */
  load(): Promise<SharedCache | undefined> {
    this.#loading ??= this.#read();
    return this.#loading;
  }

  async #read(): Promise<SharedCache | undefined> {
    const { store, from, emit } = this.options;
    if (from.length === 0) return undefined;
    const [{ SharedCache }, { ReportingPlace }] = await Promise.all([
      import('../cache/shared-cache.ts'),
      import('../cache/reporting-place.ts'),
    ]);
    return SharedCache.load(
      store,
      from,
      async (source) => new ReportingPlace(await this.#open(source), store, emit, label(source)),
      (source, error) => {
        emit({
          type: 'warning',
          code: 'CACHE_SOURCE',
          message: `The cache ${label(source)} is not used: ${error.message}`,
          ...(error.hint === undefined ? {} : { hint: error.hint }),
        });
      },
    );
  }

  /** Adds inline caches to the images' configs. */
  async addInline(built: BuiltPlatform[], solvers: readonly Solver[]): Promise<void> {
    for (const target of this.options.to) {
      const backend = imageBackend(target);
      if (backend === undefined) continue;
      for (const [i, one] of built.entries()) {
        const members = await backend.members(await solvers[i]!.shareable('min'));
        one.config = { ...one.config, ...members };
      }
    }
  }

  /** Writes the caches for other machines. */
  async export(work: BuildWork): Promise<void> {
    const targets = this.options.to.filter(isPlace);
    if (targets.length === 0) return;
    const { CacheMountExport } = await import('./cache-mount-export.ts');
    const mounts = new CacheMountExport({ ...this.options, ...work, shared: await this.load() });
    try {
      for (const target of targets) await this.#exportTo(target, work.solvers, mounts);
    } finally {
      await mounts.close();
    }
  }

  async #exportTo(
    target: Extract<CacheTarget, CacheLocation>,
    solvers: readonly Solver[],
    mounts: CacheMountExport,
  ): Promise<void> {
    const { store, emit } = this.options;
    const started = Date.now();
    const what = `cache to ${label(target)}`;
    emit({ type: 'export.started', what });
    const onProgress = sparing((progress) =>
      emit({ type: 'transfer', of: what, direction: 'out', ...progress }),
    );
    const { exportCache } = await import('../cache/export-cache.ts');
    try {
      const steps = (
        await Promise.all(solvers.map((solver) => solver.shareable(target.mode ?? 'min')))
      ).flat();
      await exportCache(
        store,
        await this.#open(target),
        steps,
        target.cacheMounts ? mounts.list() : [],
        onProgress,
      );
    } catch (thrown) {
      const error = fromSystemError(thrown, store.layout.home) ?? thrown;
      if (!(error instanceof JettisonError) || error.code === 'INTERRUPTED' || isLost(error)) throw error;
      const { message, hint } = error;
      if (!target.ignoreError) {
        throw error.with({
          message: `the build is done, but its cache cannot be written: ${message}`,
          cause: error,
        });
      }
      emit({
        type: 'warning',
        code: 'CACHE_TARGET',
        message: `The cache is not written: ${message}`,
        ...(hint === undefined ? {} : { hint }),
      });
    }
    emit({ type: 'export.finished', what, durationMs: Date.now() - started });
  }

  async close(): Promise<void> {
    for (const opening of this.#opened.values()) (await opening).close();
  }

  async #open(location: CacheLocation): Promise<CachePlace> {
    return placeBackend(location).open(location, {
      store: this.options.store,
      registries: (insecure) => this.#registries(insecure),
    });
  }

  #registries(insecure: boolean): Promise<Registries> {
    const { env, signal } = this.options;
    let opening = this.#opened.get(insecure);
    if (opening === undefined) {
      opening = import('../registry/registries.ts').then(
        ({ Registries }) => new Registries({ env, signal, insecure }),
      );
      this.#opened.set(insecure, opening);
    }
    return opening;
  }
}

function label(location: CacheLocation): string {
  return placeBackend(location).label(location);
}
