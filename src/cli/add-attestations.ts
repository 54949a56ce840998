import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { imageSubjects, PREDICATE, type Statement, statementOf } from '../attest/in-toto.ts';
import { sbomOf } from '../build/sbom-of.ts';
import { documentTime } from '../build/time.ts';
import { JettisonError, usageError } from '../errors/error.ts';
import { checkLimit } from '../errors/limits.ts';
import { type Attachment, attachToImage } from '../export/attach-to-image.ts';
import { fetchMissing } from '../export/fetch-missing.ts';
import { isObject } from '../fields/json-values.ts';
import { imagesIn } from '../image/attestation.ts';
import type { ImageParts } from '../image/image.ts';
import { parseDocument, readIndex } from '../image/sound.ts';
import type { Descriptor, Platform } from '../image/types.ts';
import { findImage, isIndex, readImage } from '../store/lookup.ts';
import { type Store, useStore } from '../store/store.ts';
import type { Io } from './command.ts';

interface Added {
  sbom: boolean;
  file: { path: string; type: string } | undefined;
  /** Of an index only its image of this one. */
  platform: Platform | undefined;
  isArtifact: boolean;
}

/** Adds attestations to an image of the store, and prints the digest of the new index. */
export async function addAttestations(name: string, added: Added, io: Io): Promise<void> {
  const predicate = added.file === undefined ? undefined : readPredicate(added.file, io);
  await useStore(io, async (store) => {
    const { target, entries, names } = findImage(store, name);
    const attachments: Attachment[] = [];
    const images = imagesOf(store, target, added.platform);
    if (added.sbom) await fetchMissing(store, images, io);
    for (const image of images) {
      const subjects = imageSubjects(names, image.config, image.descriptor.digest);
      const statements: Statement[] = [];
      if (added.sbom) {
        const bill = await billOf(store, image, names[0], io);
        statements.push(statementOf(PREDICATE.sbom, bill, subjects));
      }
      if (predicate !== undefined) statements.push(statementOf(added.file!.type, predicate, subjects));
      attachments.push({ image, statements });
    }
    const index = attachToImage(store, target, attachments, added.isArtifact);
    for (const entry of entries) {
      if (entry.name !== undefined) store.images.put(entry.name, index);
      else if (index.digest !== target.digest) {
        store.images.putNameless(index);
        store.images.remove(entry);
      }
    }
    io.stdout.write(`${index.digest}\n`);
  });
}

/** The images that are to have attestations: all that the store has, or that of a platform. */
function imagesOf(store: Store, target: Descriptor, platform: Platform | undefined): ImageParts[] {
  if (!isIndex(target) || platform !== undefined) return [readImage(store, target, platform)];
  const { manifests } = readIndex(store.blobs.read(target.digest), `the index ${target.digest}`);
  const present = imagesIn(manifests).filter(({ digest }) => store.blobs.has(digest));
  if (present.length === 0) return [readImage(store, target)];
  return present.map((descriptor) => readImage(store, descriptor));
}

function billOf(store: Store, image: ImageParts, name: string | undefined, io: Io): Promise<object> {
  const time = documentTime(io.env);
  return sbomOf(image, name ?? image.descriptor.digest, {
    ...{ store, signal: io.signal, time, fetchBlob: async () => {} },
  });
}

/** @throws JettisonError `INPUT_MISSING`, `ATTESTATION_INVALID`, and with exit code 2 for an invalid type */
function readPredicate({ path, type }: { path: string; type: string }, io: Io): object {
  if (!/^[a-z][a-z0-9+.-]*:\S+$/i.test(type)) {
    throw usageError(`invalid type "${type}"`, 'It is a URI, such as https://openvex.dev/ns/v0.2.0.');
  }
  const file = resolve(io.cwd, path);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    throw new JettisonError(
      'INPUT_MISSING',
      `${path} ${stats === undefined ? 'does not exist' : 'is not a file'}`,
      {
        hint: 'Name a file with the JSON of a predicate.',
      },
    );
  }
  checkLimit('statement-size', stats.size, path);
  const value = parseDocument(readFileSync(file), path);
  if (isObject(value)) return value;
  throw new JettisonError('ATTESTATION_INVALID', `${path} is not a predicate: it is not a JSON object`, {
    hint: 'Give the predicate alone, without the statement around it.',
  });
}
