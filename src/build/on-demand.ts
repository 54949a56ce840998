import { expectedForms } from '../machine/readable-forms.ts';
import type { Worker } from '../protocol/operations.ts';
import type { RungChoice } from '../protocol/rung.ts';
import type { Remotes } from '../remote/remotes.ts';
import type { ReadableForms } from '../store/forms.ts';
import type { Store } from '../store/store.ts';

/** The worker process, started when a step first needs it. A build in which everything is cached starts none. */
export class OnDemandWorker {
  #starting?: Promise<Worker>;
  #known?: ReadableForms;

  constructor(
    private readonly store: Store,
    private readonly rung: RungChoice,
  ) {}

  /** The directory forms that the worker reads; it makes the first one. A guess until the worker has started. */
  forms(): ReadableForms {
    this.#known ??= expectedForms(this.rung);
    return this.#known;
  }

  get(): Promise<Worker> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<Worker> {
    const { startWorker } = await import('../host/client.ts');
    const worker = await startWorker({ rung: this.rung, home: this.store.layout.home });
    this.#known = worker.forms;
    return worker;
  }

  async close(): Promise<void> {
    const worker = await this.#starting?.catch(() => undefined);
    await worker?.close();
  }
}

/** The code that fetches URLs and repositories, loaded on first use. */
export class OnDemandRemotes {
  #starting?: Promise<Remotes>;

  constructor(
    private readonly store: Store,
    private readonly env: NodeJS.ProcessEnv,
    private readonly signal: AbortSignal,
    private readonly secrets: ReadonlyMap<string, Uint8Array>,
  ) {}

  get(): Promise<Remotes> {
    const { store, env, signal, secrets } = this;
    this.#starting ??= import('../remote/remotes.ts').then(
      ({ Remotes }) => new Remotes({ layout: store.layout, env, signal, secrets }),
    );
    return this.#starting;
  }

  async close(): Promise<void> {
    (await this.#starting)?.close();
  }
}
