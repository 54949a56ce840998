import { JettisonError } from '../errors/error.ts';
import { type Container, findContainer } from '../run/container.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Io } from './command.ts';

/**
 * Runs an action on containers, and prints their names. All are tried, then the first error is thrown.
 *
 * @param forgiven code of an error to ignore
 * @returns the exit code
 */
export async function forEachContainer(
  io: Io,
  names: readonly string[],
  act: (store: Store, container: Container) => Promise<void>,
  forgiven?: string,
): Promise<number> {
  const store = openStore({ env: io.env });
  let failure: JettisonError | undefined;
  try {
    for (const name of names) {
      try {
        await act(store, findContainer(store, name));
        io.stdout.write(`${name}\n`);
      } catch (error) {
        if (!(error instanceof JettisonError)) throw error;
        if (error.code !== forgiven) failure ??= error;
      }
    }
  } finally {
    store.close();
  }
  if (failure !== undefined) throw failure;
  return 0;
}
