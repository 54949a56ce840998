import { JettisonError } from '../errors/error.ts';
import { parseDocument } from '../image/sound.ts';

/** An entry of the `manifest.json` that `docker save` writes: an image. */
export interface DockerEntry {
  /** Paths in the archive. */
  Config: string;
  Layers: string[];
  RepoTags?: string[] | null;
}

/** Reads `manifest.json` of an archive. @throws JettisonError `ARCHIVE_INVALID` */
export function readDockerManifest(bytes: Buffer): DockerEntry[] {
  const entries = parseDocument(bytes, 'manifest.json in the archive');
  if (Array.isArray(entries) && entries.every(isEntry)) return entries;
  throw new JettisonError(
    'ARCHIVE_INVALID',
    'manifest.json in the archive is not a list of images with Config and Layers',
    { hint: 'Save the image again, with `docker save` or `jettison save`.' },
  );
}

function isEntry(value: unknown): value is DockerEntry {
  const { Config, Layers, RepoTags } = (value ?? {}) as Partial<DockerEntry>;
  return typeof Config === 'string' && isTexts(Layers) && isTexts(RepoTags ?? []);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
