import { JettisonError } from '../errors/error.ts';
import { hostPlatform } from '../image/platform.ts';
import { parseReference } from '../image/reference.ts';
import { findImage, type NamedImage } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';
import type { Io } from './command.ts';

/**
 * Finds an image for a command that uses it, as `docker run --pull` does.
 *
 * @param policy `missing` (the default): pulled if the store lacks it; `always`; `never`
 * @throws JettisonError `IMAGE_UNKNOWN`, and with `always` the registry's errors
 */
export async function findOrPull(
  store: Store,
  name: string,
  policy: 'missing' | 'always' | 'never' | undefined,
  io: Io,
): Promise<NamedImage> {
  if (policy === 'always') {
    await pull(store, name, io);
    return findImage(store, name);
  }
  try {
    return findImage(store, name);
  } catch (error) {
    const isUnknown = error instanceof JettisonError && error.code === 'IMAGE_UNKNOWN';
    if (!isUnknown || policy === 'never' || isId(name)) throw error;
    io.stderr.write(`${name} is not in the store: pulling it\n`);
    await pull(store, name, io).catch((failure: unknown) => {
      if (!(failure instanceof JettisonError) || io.signal.aborted) throw failure;
      const message = `${error.message}, and it cannot be pulled: ${failure.message}`;
      throw error.with({ message, cause: failure });
    });
    return findImage(store, name);
  }
}

/** Whether a text is an id, complete or as short as in `images`. */
export function isId(text: string): boolean {
  return /^(sha256:)?[0-9a-f]{12,64}$/.test(text);
}

async function pull(store: Store, name: string, io: Io): Promise<void> {
  const [{ fetchLayers, pullImage }, { useRegistries }, { TransferView }] = await Promise.all([
    import('../registry/pull.ts'),
    import('../registry/registries.ts'),
    import('./print/transfer-progress.ts'),
  ]);
  const view = new TransferView(io, 'pull');
  try {
    await useRegistries({ env: io.env, signal: io.signal }, async (registries) => {
      const image = await pullImage(store, registries, parseReference(name), hostPlatform());
      await fetchLayers(store, registries, image, view.onProgress);
    });
  } finally {
    view.end();
  }
}
