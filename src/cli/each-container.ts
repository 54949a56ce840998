import { JettisonError } from '../errors/error.ts';
import { type Container, findContainer } from '../run/container.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Io } from './command.ts';

/**
 * Does something with each of some containers and prints what they were called. One that fails does not keep
 * the others from it.
 *
 * @param forgiven code of an error that is none
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
