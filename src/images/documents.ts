import { JettisonError } from '../errors/error.ts';
import { checkLimit, type LimitName } from '../errors/limits.ts';
import { familiarName, parseReference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import { wholeBlob } from '../image/verified-blob.ts';
import { ImageLayout } from '../layout/image-layout.ts';
import { fetchBlob } from '../registry/pull.ts';
import { findImage } from '../store/lookup.ts';
import { DOCUMENT_FORMS, prefixOf } from './open-image.ts';
import type { OpenOptions } from './open-source.ts';
import { openArchivedLayout } from './sources/archive.ts';
import { splitLayout } from './sources/layout.ts';
import { registryReference } from './sources/registry.ts';
import { storeElseRegistry } from './sources/store.ts';

/** The JSON documents of an image, wherever it is, its index included. */
export interface ImageDocuments {
  label: string;
  /** What the name stands for: a manifest or an index. */
  target: Descriptor;
  manifest(descriptor: Descriptor): Promise<Buffer>;
  /** A blob that is small enough for memory. Everything is verified. @throws JettisonError `DIGEST_MISMATCH` */
  blob(descriptor: Descriptor, limit: LimitName): Promise<Buffer>;
  close?(): Promise<void>;
}

type Options = Pick<OpenOptions, 'store' | 'registries' | 'cwd' | 'remote' | 'signal'>;

/**
 * Opens the documents of an image.
 *
 * @param text a name or an id of the store, a name that a registry has, or one of `DOCUMENT_FORMS`
 * @throws JettisonError `IMAGE_UNKNOWN`, `OCI_LAYOUT`, `ARCHIVE_INVALID`, `REGISTRY_…`
 */
export async function openDocuments(text: string, options: Options): Promise<ImageDocuments> {
  const prefix = await prefixOf(text, options);
  if (prefix === 'oci') {
    const { folder, which } = splitLayout(text.slice('oci:'.length), options.cwd);
    return ofLayout(ImageLayout.folder(folder), text, which);
  }
  if (prefix === 'oci-archive' || prefix === 'docker-archive') return ofArchive(text, options);
  if (prefix !== undefined && prefix !== 'registry') {
    throw new JettisonError('IMAGE_UNKNOWN', `${text} has no attestations: only images stored as such have`, {
      hint: `Name an image of the store or of a registry, or write ${DOCUMENT_FORMS.join(', ')}.`,
      exitCode: 2,
    });
  }
  if (options.remote || prefix === 'registry') return ofRegistry(text, options);
  return storeElseRegistry(
    text,
    async () => ofStore(text, options),
    () => ofRegistry(text, options),
  );
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
  const reference = registryReference(text);
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

async function ofArchive(text: string, options: Options): Promise<ImageDocuments> {
  const { layout, which, close } = await openArchivedLayout(text, options);
  try {
    if (layout !== undefined) return { ...ofLayout(layout, text, which), close };
    throw new JettisonError('ATTESTATION_MISSING', `${text} has no attestations: it is not an OCI layout`, {
      hint: 'Save the image again with Docker 25 or newer, or with `jettison save`.',
    });
  } catch (error) {
    await close();
    throw error;
  }
}

function ofLayout(layout: ImageLayout, text: string, which: string | undefined): ImageDocuments {
  return {
    label: text,
    target: layout.choose(which),
    manifest: async ({ digest }) => layout.document(digest, 'manifest-size'),
    blob: async ({ digest }, limit) => layout.document(digest, limit),
  };
}
