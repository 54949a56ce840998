import { type ReadStatement, readStatement } from '../attest/read-statement.ts';
import { ATTESTATION, attestationsOf, imagesIn } from '../image/attestation.ts';
import { formatPlatform } from '../image/platform.ts';
import { readConfig, readIndex, readManifest } from '../image/sound.ts';
import type { Descriptor } from '../image/types.ts';
import { isIndex } from '../store/lookup.ts';
import type { ImageDocuments } from './documents.ts';

/** An image of an index, and the statements that are attached to it. */
export interface AttestedImage {
  /** Of its manifest. */
  descriptor: Descriptor;
  /** `linux/amd64` */
  platform: string;
  statements: AttachedStatement[];
}

export interface AttachedStatement {
  predicateType: string;
  blob: Descriptor;
  /** @throws JettisonError `ATTESTATION_INVALID`, `DIGEST_MISMATCH` */
  read(): Promise<ReadStatement>;
}

/**
 * The attestations of an image, by platform.
 *
 * @throws JettisonError `IMAGE_INVALID`, `DIGEST_MISMATCH`
 */
export async function attestedImages(documents: ImageDocuments): Promise<AttestedImage[]> {
  const { target, label } = documents;
  if (!isIndex(target)) {
    const manifest = readManifest(await documents.manifest(target), `the manifest of ${label}`);
    const config = readConfig(await documents.blob(manifest.config, 'config-size'), `the config of ${label}`);
    return [{ descriptor: target, platform: formatPlatform(config), statements: [] }];
  }
  const { manifests } = readIndex(await documents.manifest(target), `the index of ${label}`);
  return Promise.all(
    imagesIn(manifests).map(async (descriptor) => {
      const attached = attestationsOf(manifests, descriptor.digest);
      const statements = await Promise.all(attached.map((one) => statementsOf(one, documents)));
      const { platform } = descriptor;
      return {
        descriptor,
        platform: platform === undefined ? 'unknown' : formatPlatform(platform),
        statements: statements.flat(),
      };
    }),
  );
}

async function statementsOf(attached: Descriptor, documents: ImageDocuments): Promise<AttachedStatement[]> {
  const what = `the attestation manifest ${attached.digest}`;
  const { layers } = readManifest(await documents.manifest(attached), what);
  return layers
    .filter(({ mediaType }) => mediaType === ATTESTATION.statement)
    .map((blob) => ({
      predicateType: blob.annotations?.[ATTESTATION.predicateType] ?? '',
      blob,
      read: async () =>
        readStatement(await documents.blob(blob, 'statement-size'), `the statement ${blob.digest}`),
    }));
}
