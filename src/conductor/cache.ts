import type { CacheSource, CacheTarget } from '../cache/places.ts';
import type { SharedCache } from '../cache/shared-cache.ts';
import { JettisonError } from '../errors/error.ts';
import type { Emit } from '../events/event.ts';
import type { BuiltPlatform } from '../export/output.ts';
import type { Descriptor } from '../image/types.ts';
import type { Registries } from '../registry/registries.ts';
import type { Solver } from '../solve/solver.ts';
import type { Store } from '../store/store.ts';

/** What a build has in common with builds on other machines: `--cache-from` and `--cache-to`. */
export class BuildCache {
  private readonly opened = new Map<boolean, Promise<Registries>>();

  constructor(
    private readonly options: {
      store: Store;
      from: readonly CacheSource[];
      to: readonly CacheTarget[];
      env: NodeJS.ProcessEnv;
      signal: AbortSignal;
      emit: Emit;
    },
  ) {}

  /** Reads the lists of steps; a source that cannot be read is warned of. */
  async load(): Promise<SharedCache | undefined> {
    const { store, from, emit } = this.options;
    if (from.length === 0) return undefined;
    const { SharedCache } = await import('../cache/shared-cache.ts');
    return SharedCache.load(
      store,
      from,
      (insecure) => this.registries(insecure),
      (source, error) => {
        const place = source.type === 'local' ? source.path : source.ref;
        emit({
          type: 'warning',
          code: 'CACHE_SOURCE',
          message: `The cache ${place} is not used: ${error.message}`,
          ...(error.hint === undefined ? {} : { hint: error.hint }),
        });
      },
    );
  }

  /** Puts an inline cache into the images' configs, where wished. */
  async addInline(built: BuiltPlatform[], solvers: readonly Solver[]): Promise<void> {
    if (!this.options.to.some(({ type }) => type === 'inline')) return;
    const [{ inlineCache }, { INLINE_MEMBER }] = await Promise.all([
      import('../cache/export-cache.ts'),
      import('../cache/format.ts'),
    ]);
    for (const [i, one] of built.entries()) {
      const inline = inlineCache(await solvers[i]!.shareable('min'));
      one.config = { ...one.config, [INLINE_MEMBER]: inline } as BuiltPlatform['config'];
    }
  }

  /** Writes the build's steps to where other machines find them. */
  async export(solvers: readonly Solver[], fetchBlob: (blob: Descriptor) => Promise<void>): Promise<void> {
    const { store, to, emit } = this.options;
    for (const target of to) {
      if (target.type === 'inline') continue;
      const started = Date.now();
      const what = `cache to ${target.type === 'local' ? target.path : target.ref}`;
      emit({ type: 'export.started', what });
      const { exportCache } = await import('../cache/export-cache.ts');
      try {
        const steps = (
          await Promise.all(solvers.map((solver) => solver.shareable(target.mode ?? 'min')))
        ).flat();
        await exportCache(store, target, steps, (insecure) => this.registries(insecure), fetchBlob);
      } catch (error) {
        if (!target.ignoreError || !(error instanceof JettisonError) || error.code === 'INTERRUPTED')
          throw error;
        const hint = error.hint === undefined ? {} : { hint: error.hint };
        emit({
          type: 'warning',
          code: 'CACHE_TARGET',
          message: `The cache is not kept: ${error.message}`,
          ...hint,
        });
      }
      emit({ type: 'export.finished', what, durationMs: Date.now() - started });
    }
  }

  async close(): Promise<void> {
    for (const opening of this.opened.values()) (await opening).close();
  }

  private registries(insecure: boolean): Promise<Registries> {
    const { env, signal } = this.options;
    let opening = this.opened.get(insecure);
    if (opening === undefined) {
      opening = import('../registry/registries.ts').then(
        ({ Registries }) => new Registries({ env, signal, insecure }),
      );
      this.opened.set(insecure, opening);
    }
    return opening;
  }
}
