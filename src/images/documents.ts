import { JettisonError } from '../errors/error.ts';
import { checkLimit, type LimitName } from '../errors/limits.ts';
import { familiarName, parseReference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import { wholeBlob } from '../image/verified-blob.ts';
import { ImageLayout } from '../layout/image-layout.ts';
import { fetchBlob } from '../registry/pull.ts';
import { findImage } from '../store/lookup.ts';
import type { OpenOptions } from './open-source.ts';
import { splitLayout } from './sources/layout.ts';
import { couldBeRemote } from './sources/store.ts';

/** The JSON documents of an image, wherever it is, its index included. */
export interface ImageDocuments {
  label: string;
  /** What the name stands for: a manifest or an index. */
  target: Descriptor;
  manifest(descriptor: Descriptor): Promise<Buffer>;
  /** A blob that is small enough for memory. Everything is verified. @throws JettisonError `DIGEST_MISMATCH` */
  blob(descriptor: Descriptor, limit: LimitName): Promise<Buffer>;
}

type Options = Pick<OpenOptions, 'store' | 'registries' | 'cwd' | 'remote'>;

/**
 * Opens the documents of an image.
 *
 * @param text a name or an id of the store, a name that a registry has, `registry://NAME` or `oci:DIR[:TAG]`
 * @throws JettisonError `IMAGE_UNKNOWN`, `OCI_LAYOUT`, `REGISTRY_…`
 */
export async function openDocuments(text: string, options: Options): Promise<ImageDocuments> {
  if (text.startsWith('oci:')) return ofLayout(text, options.cwd);
  if (options.remote || text.startsWith('registry://')) return ofRegistry(text, options);
  try {
    return ofStore(text, options);
  } catch (error) {
    const isUnknown = error instanceof JettisonError && error.code === 'IMAGE_UNKNOWN';
    if (!isUnknown || !couldBeRemote(text)) throw error;
    return ofRegistry(text, options);
  }
}

function ofStore(text: string, { store, registries }: Options): ImageDocuments {
  const { target, names } = findImage(store, text);
  const [name] = names;
  const reference = name === undefined ? undefined : parseReference(name);
  return {
    label: name === undefined ? text : familiarName(name),
    target,
    manifest: async ({ digest }) => store.blobs.read(digest),
    async blob(descriptor, limit) {
      checkLimit(limit, descriptor.size, descriptor.digest);
      await fetchBlob(store, registries, reference, descriptor);
      return store.blobs.read(descriptor.digest);
    },
  };
}

async function ofRegistry(text: string, { registries }: Options): Promise<ImageDocuments> {
  const reference = parseReference(text.replace(/^registry:\/\//, ''));
  const { tag = 'latest', digest } = reference;
  const first = await registries.read(reference, (repository) => repository.manifest(digest ?? tag));
  return {
    label: familiarName(reference),
    target: first.descriptor,
    async manifest(descriptor) {
      if (descriptor.digest === first.descriptor.digest) return first.bytes;
      const found = await registries.read(reference, (repository) => repository.manifest(descriptor.digest));
      return found.bytes;
    },
    blob: (descriptor, limit) =>
      registries.read(reference, async (repository) => {
        checkLimit(limit, descriptor.size, descriptor.digest);
        const hint = 'The registry or a proxy damages the data. Try again.';
        return wholeBlob(descriptor, repository.blob(descriptor), hint);
      }),
  };
}

function ofLayout(text: string, cwd: string): ImageDocuments {
  const { folder, which } = splitLayout(text.slice('oci:'.length), cwd);
  const layout = ImageLayout.folder(folder);
  return {
    label: text,
    target: layout.choose(which),
    manifest: async ({ digest }) => layout.document(digest, 'manifest-size'),
    blob: async ({ digest }, limit) => layout.document(digest, limit),
  };
}
