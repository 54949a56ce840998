import { JettisonError } from '../errors/error.ts';
import { jsonOf, membersOf } from '../fields/json-values.ts';
import type { Digest } from '../image/digest.ts';
import { readIndex, readManifest } from '../image/sound.ts';
import { type Descriptor, MEDIA } from '../image/types.ts';
import { wholeBlob } from '../image/verified-blob.ts';
import type { FetchedManifest, Repository } from './repository.ts';

/** A JSON document that is stored beside an image. */
export interface AttachedDocument {
  /** The digest of the manifest that has it. */
  manifest: Digest;
  value: unknown;
}

/** More are not read, and no larger ones: whoever can push to a repository can attach documents. */
const MOST = 64;
const LARGEST = 8 << 20;
/** Media types of artifacts and layers that hold JSON. */
const JSON_TYPES = /json|in-toto|dsse|openvex/;

/**
 * The JSON documents that are attached to an image: artifacts among its referrers, and cosign's attestations. Of an
 * in-toto statement or its envelope (DSSE) the predicate is returned. Signatures are not verified.
 *
 * Specification: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 *
 * @throws JettisonError `REGISTRY_…`, `DIGEST_MISMATCH`
 */
export async function attachedDocuments(repository: Repository, image: Digest): Promise<AttachedDocument[]> {
  const documents: AttachedDocument[] = [];
  for (const { descriptor, bytes } of await artifacts(repository, image)) {
    const { layers } = readManifest(bytes, `the manifest ${descriptor.digest}`);
    for (const layer of layers) {
      if (documents.length >= MOST) return documents;
      if (!JSON_TYPES.test(layer.mediaType) || layer.size > LARGEST) continue;
      const value = jsonOf(await contentOf(repository, layer));
      if (value !== undefined) documents.push({ manifest: descriptor.digest, value: predicateOf(value) });
    }
  }
  return documents;
}

/** Manifests that refer to an image; cosign finds its own by a tag. */
async function artifacts(repository: Repository, image: Digest): Promise<FetchedManifest[]> {
  const found: FetchedManifest[] = [];
  const referrers = await repository.referrers(image);
  const { manifests } = readIndex(referrers, `the referrers of ${image}`);
  for (const { digest, mediaType } of manifests.slice(0, MOST)) {
    if (mediaType === MEDIA.ociManifest) found.push(await repository.manifest(digest));
  }
  const attestations = await ifThere(repository.manifest(`${image.replace(':', '-')}.att`));
  if (attestations?.descriptor.mediaType === MEDIA.ociManifest) found.push(attestations);
  return found;
}

async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof JettisonError && error.code === 'REGISTRY_NOT_FOUND') return undefined;
    throw error;
  }
}

async function contentOf(repository: Repository, layer: Descriptor): Promise<Buffer> {
  const hint = 'Try again; if it stays, the registry has damaged data.';
  return wholeBlob(layer, repository.blob(layer), hint);
}

/** What an envelope, a Sigstore bundle or an in-toto statement holds; anything else as it is. */
function predicateOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { dsseEnvelope, payload, payloadType, predicate, _type } = membersOf(value);
  if (typeof dsseEnvelope === 'object') return predicateOf(dsseEnvelope);
  if (typeof payload === 'string' && payloadType === 'application/vnd.in-toto+json') {
    return predicateOf(jsonOf(Buffer.from(payload, 'base64')));
  }
  return typeof _type === 'string' && predicate !== undefined ? predicate : value;
}
