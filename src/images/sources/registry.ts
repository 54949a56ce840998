import { familiarName, parseReference, type Reference } from '../../image/reference.ts';
import type { Descriptor } from '../../image/types.ts';
import { fetchBlob } from '../../registry/pull.ts';
import { resolveRemote } from '../../registry/resolve.ts';
import { streamBlob } from '../../registry/stream-blob.ts';
import { imageOfParts } from '../image-of.ts';
import type { OpenSource } from '../open-source.ts';

/**
 * An image of a registry, of which nothing is pulled: its layers are streamed when somebody reads them. Only a layer whose
 * stream was damaged is downloaded to the store.
 *
 * @throws JettisonError `REGISTRY_…`, `PLATFORM_MISSING`, `REFERENCE_INVALID`
 */
export const open: OpenSource = async (text, { registries, platform, store }) => {
  const reference = registryReference(text);
  const parts = await resolveRemote(registries, reference, platform);
  async function* openLayer(blob: Descriptor): AsyncGenerator<Buffer> {
    // What is here need not come from there.
    if (store.blobs.has(blob.digest, blob.size)) {
      yield* store.blobs.stream(blob.digest) as AsyncIterable<Buffer>;
      return;
    }
    yield* streamBlob(registries, reference, blob);
  }
  async function fetchLayer(blob: Descriptor): Promise<boolean> {
    if (store.blobs.has(blob.digest, blob.size)) return false;
    await fetchBlob(store, registries, reference, blob);
    return true;
  }
  return imageOfParts(parts, { label: familiarName(reference), open: openLayer, fetch: fetchLayer });
};

/** The image of `registry://NAME`, or of a name. @throws JettisonError `REFERENCE_INVALID` */
export function registryReference(text: string): Reference {
  return parseReference(text.replace(/^registry:\/\//, ''));
}
