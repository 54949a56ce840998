import { basename, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Emit } from '../events/event.ts';
import type { RemoteRunner } from '../protocol/remote-run.ts';
import { openStore, type Store } from '../store/store.ts';
import { BuildCache } from './cache.ts';
import { abortOnFailure } from './cancellation.ts';
import { OnDemandRemotes, OnDemandWorker } from './on-demand.ts';
import { type BuildOptions, pick } from './options.ts';
import { readSecrets } from './secrets.ts';

/** The open resources of one build: the store, and services that start on first use. */
export class Session {
  #fleet: RemoteRunner | undefined;

  private constructor(
    readonly emit: Emit,
    readonly env: NodeJS.ProcessEnv,
    /** Content of the secrets, by id. */
    readonly secrets: ReadonlyMap<string, Uint8Array>,
    readonly store: Store,
    readonly worker: OnDemandWorker,
    readonly remotes: OnDemandRemotes,
    readonly cache: BuildCache,
    private readonly cancel: AbortController,
    private readonly endLease: () => void,
  ) {}

  static async open(options: BuildOptions, emit: Emit, cancel: AbortController): Promise<Session> {
    const env = options.env ?? process.env;
    const { signal } = cancel;
    const secrets = readSecrets(options.secrets ?? {}, env);
    const store = openStore({ env, ...pick(options, 'home') });
    const endLease = await store.leases.use(signal);
    const worker = new OnDemandWorker(store, options.isolation ?? 'auto');
    const remotes = new OnDemandRemotes(store, env, signal, secrets);
    const { cacheFrom: from = [], cacheTo: to = [] } = options;
    const cache = new BuildCache({ store, env, emit, signal, from, to, worker: () => worker.get() });
    return new Session(emit, env, secrets, store, worker, remotes, cache, cancel, endLease);
  }

  /** The builders that run commands; undefined without any. @throws JettisonError `BUILDER_INVALID` */
  async elsewhere(
    options: BuildOptions,
    agents: ReadonlyMap<string, string>,
  ): Promise<RemoteRunner | undefined> {
    const { builders = [], fallback = 'local', context } = options;
    if (builders.length === 0) return undefined;
    const [{ Fleet }, { parseBuilders }] = await Promise.all([
      import('../fleet/fleet.ts'),
      import('../fleet/builder-address.ts'),
    ]);
    const { store, secrets, signal, env } = this;
    this.#fleet = new Fleet({
      ...{ store, secrets, agents, signal, fallback },
      builders: parseBuilders(builders, { env, cwd: process.cwd(), signal }),
      project: basename(resolve(context)),
    });
    return this.#fleet;
  }

  get signal(): AbortSignal {
    return this.cancel.signal;
  }

  /** Waits for a part of the build. If it fails, or the build is cancelled, the other parts are aborted. */
  wait<T>(work: Promise<T>): Promise<T> {
    return abortOnFailure(this.cancel, work);
  }

  async close(): Promise<void> {
    this.#fleet?.close();
    await this.worker.close();
    await this.remotes.close();
    await this.cache.close();
    // So that steps which lost their worker report it before the build does.
    await setImmediate();
    this.endLease();
    this.store.close();
  }
}
