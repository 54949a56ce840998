import { type FSWatcher, watch } from 'node:fs';
import { usageError } from '../errors/error.ts';
import { canonicalName, parseReference } from '../image/reference.ts';
import type { ContainerRequest } from '../run/container.ts';
import { stopContainer } from '../run/stop.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import type { Io } from './command.ts';
import { isId } from './pull-image.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs an image, and runs it anew whenever its name refers to another image of the store: after each build. Ends with
 * a signal, which the container gets too.
 *
 * @param run one container; calls `started` with its id
 * @returns the exit code of the last container
 * @throws JettisonError `USAGE` for an image that is not named
 */
export async function runEachBuild(
  name: string,
  io: Io,
  run: (started: (id: string) => void) => Promise<number>,
): Promise<number> {
  const canonical = nameToWatch(name);
  const store = openStore(io);
  const news = new News(store, io.signal);
  try {
    const digest = () => store.images.find(canonical)?.manifest.digest;
    const say = (text: string) => io.stderr.write(`${text}\n`);
    for (let code = 0; ; ) {
      if (digest() === undefined) say(`Waiting for a build of ${name}: Ctrl-C ends.`);
      await news.until(() => digest() !== undefined);
      if (news.isInterrupted) return code;

      const image = digest();
      let id: string | undefined;
      let hasEnded = false;
      const ending = run((started) => {
        id = started;
        news.wake();
      }).finally(() => {
        hasEnded = true;
        news.wake();
      });
      const isNew = () => digest() !== image && digest() !== undefined;
      await Promise.race([ending, news.until(() => hasEnded || (id !== undefined && isNew()))]);
      if (!hasEnded && !news.isInterrupted) {
        say(`${name} was built anew: restarting it.`);
        const container = store.containers.get<ContainerRequest>(id!);
        if (container !== undefined) await stopContainer(store, container);
      }
      code = await ending;
      if (news.isInterrupted) return code;
      if (!isNew()) say(`${name} exited with ${code}. Waiting for its next build: Ctrl-C ends.`);
      await news.until(isNew);
      if (news.isInterrupted) return code;
    }
  } finally {
    news.close();
    store.close();
  }
}

/** Wakes who waits for a new name in a store, for the end of a container, or for a signal. */
class News {
  isInterrupted = false;
  readonly #watcher: FSWatcher;
  #waiting = () => {};

  constructor(store: Store, signal: AbortSignal) {
    this.#watcher = watch(store.layout.images, () => this.wake());
    for (const name of SIGNALS) process.on(name, this.#interrupt);
    signal.addEventListener('abort', this.#interrupt);
  }

  /** Resolves once this is so, or at a signal. */
  async until(isSo: () => boolean): Promise<void> {
    while (!this.isInterrupted && !isSo()) {
      await new Promise<void>((wake) => {
        this.#waiting = wake;
      });
    }
  }

  wake(): void {
    this.#waiting();
  }

  close(): void {
    this.#watcher.close();
    for (const name of SIGNALS) process.off(name, this.#interrupt);
  }

  readonly #interrupt = () => {
    this.isInterrupted = true;
    this.wake();
  };
}

/** @throws JettisonError `USAGE` for an id or a digest: it never refers to another image */
function nameToWatch(name: string): string {
  if (isId(name) || parseReference(name).digest !== undefined) {
    throw usageError(
      '--watch needs the name of an image: an id or a digest always means the same one',
      'Name it: `jettison tag`.',
    );
  }
  return canonicalName(name);
}
