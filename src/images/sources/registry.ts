import type { Image, Layer } from '../../image/image.ts';
import { familiarName, parseReference } from '../../image/reference.ts';
import { resolveRemote } from '../../registry/resolve.ts';
import type { OpenSource } from '../open-source.ts';

/**
 * An image of a registry, of which nothing is pulled: its layers are streamed when somebody reads them.
 *
 * @throws JettisonError `REGISTRY_…`, `PLATFORM_MISSING`, `REFERENCE_INVALID`
 */
export const open: OpenSource = async (text, { registries, platform, store }) => {
  const reference = parseReference(text.replace(/^registry:\/\//, ''));
  const { descriptor, manifest, config } = await resolveRemote(registries, reference, platform);
  const layers = manifest.layers.map(
    (blob, at): Layer => ({
      diffId: config.rootfs.diff_ids[at]!,
      blob,
      async *open() {
        // What is here need not come from there.
        if (store.blobs.has(blob.digest, blob.size)) {
          yield* store.blobs.stream(blob.digest) as AsyncIterable<Buffer>;
          return;
        }
        const repository = await registries.read(reference, async (found) => found);
        for await (const chunk of repository.blob(blob))
          yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      },
    }),
  );
  const image: Image = {
    ...{ label: familiarName(reference), descriptor, id: manifest.config.digest, config, layers },
    close: async () => {},
  };
  return image;
};
