import { type Digest, digestOf, hex } from '../image/digest.ts';
import type { Worker } from '../protocol/operations.ts';
import { layerId } from '../store/layers.ts';
import type { Store } from '../store/store.ts';

/**
 * Unpacks an archive into a layer of the store, with its directory.
 *
 * @param path absolute path of the archive
 * @returns the layer's id
 * @throws JettisonError `TAR_INVALID`, `DIGEST_MISMATCH` …
 */
export async function unpackArchive(
  { store, worker }: { store: Store; worker(): Promise<Worker> },
  path: string,
  digest: Digest,
): Promise<string> {
  const key = digestOf({ archive: hex(digest) });
  const id = layerId(key);
  const unpacking = await worker();
  if (!store.layers.hasDirectory(id, unpacking.forms[0])) {
    await unpacking.unpack({
      layer: { id, key, kind: 'archive' },
      path,
      expect: { digest },
      whiteouts: false,
      directory: true,
    });
  }
  return id;
}
