import { JettisonError } from '../errors/error.ts';
import { formatPlatform, hostPlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';
import type { RemoteResult, RemoteRun, RemoteRunner, RemoteRunServices } from '../protocol/remote-run.ts';
import type { BuilderAddress } from './builder-address.ts';
import { BuilderConnection } from './builder-connection.ts';
import { builderFacts } from './builder-facts.ts';
import { type Candidate, orderBuilders } from './builder-order.ts';
import { type Offers, runAtBuilder } from './remote-command.ts';
import { Slots } from './slots.ts';

/** Commands that a builder runs at a time, if its address does not say. */
const DEFAULT_MAX = 4;

export interface FleetOptions extends Offers {
  builders: readonly BuilderAddress[];
  /** What happens to a command that no builder could run. */
  fallback: 'local' | 'none';
  /** Chooses builders together with the stage. */
  project: string;
  signal: AbortSignal;
}

/** A builder that is in use. */
interface Opened extends Candidate {
  connection: BuilderConnection;
}

/** Runs the commands of one build on builders: each on the first in its order that can. */
export class Fleet implements RemoteRunner {
  readonly #opened = new Map<BuilderAddress, Promise<Opened>>();
  readonly #slots: Map<BuilderAddress, Slots>;

  constructor(private readonly options: FleetOptions) {
    this.#slots = new Map(options.builders.map((one) => [one, new Slots(one.max ?? DEFAULT_MAX)]));
  }

  /** @throws JettisonError `BUILDER_UNSUITABLE`; without a fallback also the last builder's error */
  async run(run: RemoteRun, services: RemoteRunServices): Promise<RemoteResult | undefined> {
    const failures: JettisonError[] = [];
    const failed = (error: unknown) => {
      this.options.signal.throwIfAborted();
      if (!isOfBuilder(error)) throw error;
      failures.push(error);
      services.onRetry(error);
    };
    const reachable = new Map<Opened, BuilderAddress>();
    for (const address of this.options.builders) {
      await this.#open(address).then((opened) => reachable.set(opened, address), failed);
    }
    const key = `${this.options.project}\0${run.stage}`;
    for (const opened of orderBuilders([...reachable.keys()], key, run.platform)) {
      const address = reachable.get(opened)!;
      const slots = this.#slots.get(address)!;
      await slots.take(() => services.onState(`waiting for ${address.text}`), this.options.signal);
      try {
        services.onState(`at ${address.text}`);
        return await runAtBuilder(opened.connection, run, services, this.options);
      } catch (error) {
        // The next command connects anew.
        this.#opened.delete(address);
        opened.connection.close();
        failed(error);
      } finally {
        slots.free();
      }
    }
    return this.#unserved(run.platform, failures.at(-1));
  }

  close(): void {
    for (const opening of this.#opened.values()) {
      opening.then(
        ({ connection }) => connection.close(),
        () => {},
      );
    }
  }

  #open(address: BuilderAddress): Promise<Opened> {
    let opening = this.#opened.get(address);
    if (opening === undefined) {
      opening = this.#connect(address);
      this.#opened.set(address, opening);
      opening.catch(() => this.#opened.delete(address));
    }
    return opening;
  }

  async #connect(address: BuilderAddress): Promise<Opened> {
    const connection = await BuilderConnection.open(address, this.options.signal);
    const { workers } = await builderFacts(connection);
    return { text: address.text, platforms: workers.flatMap(({ platforms }) => platforms), connection };
  }

  #unserved(platform: Platform, failure: JettisonError | undefined): undefined {
    const { os, architecture } = hostPlatform();
    const isOwn = platform.os === os && platform.architecture === architecture;
    if (this.options.fallback === 'local' && isOwn) return undefined;
    throw (
      failure ??
      new JettisonError('BUILDER_UNSUITABLE', `no builder runs commands for ${formatPlatform(platform)}`, {
        hint: 'Add one that does: `jettison builder ls` shows the platforms of each.',
      })
    );
  }
}

/** Whether another builder may do better: this one cannot be reached, or failed without running the command. */
function isOfBuilder(error: unknown): error is JettisonError {
  return (
    error instanceof JettisonError &&
    ['BUILDER_UNREACHABLE', 'BUILDER_FAILED', 'ENGINE_UNREACHABLE'].includes(error.code)
  );
}
