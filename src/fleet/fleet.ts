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

/** Errors after which a connection cannot be used any more. */
const LOST = ['BUILDER_UNREACHABLE', 'ENGINE_UNREACHABLE'];
/** Errors of one builder, which did not run the command: another one may do better. */
const OF_BUILDER = [...LOST, 'BUILDER_FAILED', 'BUILDER_UNSUITABLE', 'ENGINE_UNSUPPORTED'];

/** A builder that is in use. */
interface Opened extends Candidate {
  address: BuilderAddress;
  connection: BuilderConnection;
}

/** Runs the commands of one build on builders: each on the first in its order that can. */
export class Fleet implements RemoteRunner {
  /** Connections, and failures to connect: a builder that cannot be reached is tried once in a build. */
  readonly #opened = new Map<BuilderAddress, Promise<Opened>>();
  readonly #slots: Map<BuilderAddress, Slots>;

  constructor(private readonly options: FleetOptions) {
    this.#slots = new Map(options.builders.map((one) => [one, new Slots(one.max ?? DEFAULT_MAX)]));
  }

  /** @throws JettisonError the last builder's error if this machine may not, or cannot, run the command */
  async run(run: RemoteRun, services: RemoteRunServices): Promise<RemoteResult | undefined> {
    const failures: JettisonError[] = [];
    const failed = (error: unknown) => {
      this.options.signal.throwIfAborted();
      if (!(error instanceof JettisonError && OF_BUILDER.includes(error.code))) throw error;
      failures.push(error);
      services.onRetry(error);
    };
    const openings = await Promise.allSettled(this.options.builders.map((address) => this.#open(address)));
    const reachable: Opened[] = [];
    for (const opening of openings) {
      if (opening.status === 'fulfilled') reachable.push(opening.value);
      else failed(opening.reason);
    }
    const key = `${this.options.project}\0${run.stage}`;
    for (const opened of orderBuilders(reachable, key, run.platform)) {
      const { address } = opened;
      const slots = this.#slots.get(address)!;
      await slots.take(() => services.onState(`waiting for ${address.text}`), this.options.signal);
      try {
        services.onState(`at ${address.text}`);
        return await runAtBuilder(opened.connection, run, services, this.options);
      } catch (error) {
        failed(error);
        if (LOST.includes((error as JettisonError).code)) await this.#drop(opened);
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
    }
    return opening;
  }

  /** Closes a connection that was lost; the next command connects anew, unless another one did already. */
  async #drop(opened: Opened): Promise<void> {
    const { address, connection } = opened;
    const current = this.#opened.get(address);
    if ((await current?.catch(() => undefined)) !== opened || this.#opened.get(address) !== current) return;
    this.#opened.delete(address);
    connection.close();
  }

  async #connect(address: BuilderAddress): Promise<Opened> {
    const connection = await BuilderConnection.open(address, this.options.signal);
    try {
      const { workers } = await builderFacts(connection);
      const platforms = workers.flatMap((worker) => worker.platforms);
      return { text: address.text, platforms, address, connection };
    } catch (error) {
      connection.close();
      throw error;
    }
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
