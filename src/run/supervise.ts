import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { startWorker } from '../host/client.ts';
import type { Descriptor } from '../image/types.ts';
import type { ExecResult, StartedCommand } from '../protocol/exec-request.ts';
import type { Worker } from '../protocol/operations.ts';
import type { ContainerState } from '../store/containers.ts';
import { readImage } from '../store/lookup.ts';
import { identityOf, processIdentity } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';
import type { ContainerPlan } from './container.ts';
import { HealthMonitor, healthPlan } from './health.ts';
import { layerDirectories } from './image-layers.ts';
import { checkHealth } from './join.ts';
import { ReadOnlyWatch } from './read-only-hint.ts';
import { forwardSignals } from './signals.ts';
import { type RunStreams, typeInto } from './terminal.ts';

const EXIT_KILLED = 137;

/** Callbacks for supervising a container. */
export interface Supervision {
  /** Downloads a layer's blob that the store lacks. */
  fetch: (blob: Descriptor) => Promise<void>;
  /** More output is read once this resolves. */
  output: (stream: 'stdout' | 'stderr', data: Uint8Array) => Promise<void> | void;
  /** A note to the user: one sentence. */
  note: (text: string) => void;
  /** Called once the command runs, or has failed to start. */
  started?: () => void;
  /** Source of standard input, if the command reads it. */
  streams?: RunStreams;
  /** Kills the container. */
  signal?: AbortSignal;
}

/** Absolute path of a container's log. */
export function logPath(store: Store, id: string): string {
  return join(store.containers.folder(id), 'log');
}

/**
 * Runs a container to its end, and keeps its state up to date. Forwards this process's signals to the command.
 *
 * @returns the command's exit code; 126 when it cannot be executed, 127 when it is not found
 * @throws JettisonError when the command could not start; the container is removed then
 */
export async function supervise(store: Store, config: ContainerPlan, control: Supervision): Promise<number> {
  const { request } = config;
  const supervision = new Supervisor(store, config, control);
  let worker: Worker | undefined;
  const terminal = request.terminal !== undefined;
  const typed = typeof request.process.stdin === 'object';
  const giveUp = new AbortController();
  const interrupt = () =>
    giveUp.abort(new JettisonError('INTERRUPTED', 'the command ignored the signals to end, and was killed'));
  control.signal?.addEventListener('abort', interrupt, { once: true });
  const stopForwarding = forwardSignals(
    (signal) => (signal === 'SIGHUP' && terminal ? worker?.hangUp() : worker?.kill(signal)),
    interrupt,
  );
  let stopTyping = () => {};
  try {
    worker = await startWorker({ home: store.layout.home });
    const image = readImage(store, config.manifest);
    const layers = await layerDirectories(store, image, worker, control.fetch);
    const result = await worker.exec(
      { ...request, layers },
      {
        signal: giveUp.signal,
        onOutput: ({ stream, data }) => supervision.output(stream, data),
        onStarted: (started) => {
          if (control.streams !== undefined) {
            stopTyping = typeInto(worker!, control.streams, { typed, terminal });
          }
          supervision.started(started, layers, image.config.config?.Shell);
        },
      },
    );
    return supervision.ended(result);
  } catch (error) {
    supervision.failed(error as Error);
    throw error;
  } finally {
    stopTyping();
    supervision.stop();
    stopForwarding();
    control.signal?.removeEventListener('abort', interrupt);
    await worker?.close();
    // Last: once the record is gone or says "exited", no process is left.
    supervision.settle();
  }
}

class Supervisor {
  #state: ContainerState = { status: 'created', supervisor: processIdentity };
  #monitor: HealthMonitor | undefined;
  readonly #watch: ReadOnlyWatch | undefined;

  readonly #store: Store;
  readonly #config: ContainerPlan;
  readonly #control: Supervision;

  constructor(store: Store, config: ContainerPlan, control: Supervision) {
    this.#store = store;
    this.#config = config;
    this.#control = control;
    const { request } = config;
    this.#watch = request.readonlyRoot ? new ReadOnlyWatch(request.process.cwd) : undefined;
    this.#write();
  }

  output(stream: 'stdout' | 'stderr', data: Uint8Array): Promise<void> | void {
    this.#watch?.listen(data);
    return this.#control.output(stream, data);
  }

  started(
    { first, user, cgroups, problems, programs, runtime }: StartedCommand,
    layers: string[],
    shell?: string[],
  ): void {
    const plan = healthPlan(this.#config.healthcheck, shell);
    this.#state = {
      ...this.#state,
      status: 'running',
      first: identityOf(first),
      started: new Date().toISOString(),
      user,
      layers,
      cgroups,
      ...(programs === undefined ? {} : { programs }),
      ...(runtime === undefined ? {} : { runtime }),
      ...(plan === undefined ? {} : { health: { status: 'starting', failingStreak: 0, log: [] } }),
    };
    this.#write();
    if (plan !== undefined) {
      this.#monitor = new HealthMonitor(
        plan,
        () => checkHealth(this.#config, this.#state, plan),
        (health) => {
          this.#state = { ...this.#state, health };
          this.#write();
        },
      );
    }
    for (const problem of problems) this.#control.note(problem);
    this.#control.started?.();
  }

  /** @returns the exit code */
  ended({ exitCode, outOfMemory }: ExecResult): number {
    const error = outOfMemory
      ? `the kernel killed a process: the container exceeded --memory, ${this.#config.request.limits?.memory} bytes`
      : exitCode === 0
        ? undefined
        : this.#watch?.note();
    if (error !== undefined) this.#control.note(error);
    this.#state = { ...this.#state, exitCode, ...(error === undefined ? {} : { error }) };
    return exitCode;
  }

  /** The command could not start, or its exit code is unknown: then it counts as killed. */
  failed({ message }: Error): void {
    if (this.#state.status === 'created') this.#store.containers.remove(this.#config.id);
    else this.#state = { ...this.#state, exitCode: EXIT_KILLED, error: message };
  }

  stop(): void {
    this.#monitor?.stop();
  }

  settle(): void {
    const { id, autoRemove } = this.#config;
    if (autoRemove) this.#store.containers.remove(id);
    else if (this.#state.exitCode !== undefined) {
      this.#state = { ...this.#state, status: 'exited', finished: new Date().toISOString() };
      this.#write();
    }
  }

  #write(): void {
    this.#store.containers.setState(this.#config.id, this.#state);
  }
}
