import { JettisonError } from '../../errors/error.ts';
import { isDigest } from '../../image/digest.ts';
import type { Image } from '../../image/image.ts';
import { familiarName, parseReference } from '../../image/reference.ts';
import { type Descriptor, MEDIA } from '../../image/types.ts';
import { fetchBlob } from '../../registry/pull.ts';
import { findImage, type NamedImage, readImage } from '../../store/lookup.ts';
import type { Store } from '../../store/store.ts';
import { imageOfParts } from '../image-of.ts';
import type { OpenSource } from '../open-source.ts';

/**
 * An image of the store by name or id; of a name that it does not have, the image of the registry.
 *
 * @throws JettisonError `IMAGE_UNKNOWN`, `IMAGE_AMBIGUOUS`, `REGISTRY_…`
 */
export const open: OpenSource = async (text, options) => {
  const { store } = options;
  const find = async () => namelessImage(store, text) ?? findImage(store, text);
  const found = await storeElseRegistry(text, find, async () =>
    (await import('./registry.ts')).open(`registry://${text}`, options),
  );
  return 'target' in found ? ofStore(text, found, options) : found;
};

function ofStore(
  text: string,
  found: Pick<NamedImage, 'names' | 'target'>,
  { store, registries, platform, isPlatformGiven, onProgress }: Parameters<OpenSource>[1],
): Image {
  const [name] = found.names;
  const parts = readImage(store, found.target, isPlatformGiven ? platform : undefined);
  const reference = name === undefined ? undefined : parseReference(name);
  async function* openLayer(blob: Descriptor): AsyncGenerator<Buffer> {
    if (!store.blobs.has(blob.digest, blob.size)) {
      await fetchBlob(store, registries, reference, blob, onProgress);
    }
    yield* store.blobs.stream(blob.digest) as AsyncIterable<Buffer>;
  }
  return imageOfParts(parts, { label: name === undefined ? text : familiarName(name), open: openLayer });
}

/**
 * An image of the store; if that has no such name, of a registry.
 *
 * @throws JettisonError `IMAGE_UNKNOWN`, and the errors of both
 */
export async function storeElseRegistry<S, R>(
  text: string,
  fromStore: () => Promise<S>,
  fromRegistry: () => Promise<R>,
): Promise<S | R> {
  try {
    return await fromStore();
  } catch (error) {
    if (!(error instanceof JettisonError) || error.code !== 'IMAGE_UNKNOWN' || !couldBeRemote(text))
      throw error;
    try {
      return await fromRegistry();
    } catch (remote) {
      if (!(remote instanceof JettisonError)) throw remote;
      throw remote.with({ message: `the store has no image "${text}", and ${remote.message}` });
    }
  }
}

/** A manifest by its digest, of which no image has the name: a build that only sends its image elsewhere makes such. */
function namelessImage(store: Store, text: string): Pick<NamedImage, 'names' | 'target'> | undefined {
  if (!isDigest(text) || !store.blobs.has(text)) return undefined;
  const { mediaType } = store.blobs.readJson<{ mediaType?: unknown }>(text);
  const types: unknown[] = [MEDIA.ociManifest, MEDIA.dockerManifest, MEDIA.ociIndex, MEDIA.dockerList];
  if (!types.includes(mediaType)) return undefined;
  return { names: [], target: { mediaType: String(mediaType), digest: text, size: store.blobs.size(text)! } };
}

/** Ids are of the store only. */
function couldBeRemote(text: string): boolean {
  return !/^(sha256:)?[0-9a-f]{6,64}$/.test(text);
}
