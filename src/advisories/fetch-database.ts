import { createReadStream } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { counted, type OnProgress } from '../events/transfer.ts';
import type { Digest } from '../image/digest.ts';
import { parseReference, type Reference } from '../image/reference.ts';
import { readManifest } from '../image/sound.ts';
import type { Descriptor } from '../image/types.ts';
import { verifiedBlob } from '../image/verified-blob.ts';
import type { Registries } from '../registry/registries.ts';
import type { Repository } from '../registry/repository.ts';
import type { DatabaseRecord } from '../store/databases.ts';
import type { Store } from '../store/store.ts';
import { temporaryPath } from '../store/temporary.ts';
import { type Unpacked, unpackDatabase } from './artifact.ts';

/** Where trivy-db is published: the mirror bears more. */
export const DEFAULT_DATABASES = ['mirror.gcr.io/aquasec/trivy-db:2', 'ghcr.io/aquasecurity/trivy-db:2'];
/** A publisher is not asked again before that. */
const PAUSE_MS = 6 * 3600_000;

const LAYER_TYPES = /^application\/vnd\.(aquasec\.trivy\.db|jettison\.advisories)\.layer\.v1\.tar\+gzip$/;

/** What became of fetching: `same` nothing newer is there, `early` it was asked less than six hours ago. */
export type Fetched = { record: DatabaseRecord; outcome: 'new' | 'same' | 'early' };

interface FetchOptions {
  store: Store;
  registries: Registries;
  /** Ask, even if it was asked a moment ago. */
  force?: boolean;
  onProgress?: OnProgress;
}

/**
 * Fetches a database of advisories that is published as an artifact in a registry, if there is a newer one.
 *
 * @throws JettisonError `DATABASE_INVALID`, `REGISTRY_…`, `DIGEST_MISMATCH`
 */
export async function fetchDatabase(text: string, options: FetchOptions): Promise<Fetched> {
  const { store, registries, force = false, onProgress = () => {} } = options;
  const known = store.databases.use(text);
  const now = new Date();
  if (known !== undefined && !force && now.getTime() - Date.parse(known.checked) < PAUSE_MS) {
    return { record: known, outcome: 'early' };
  }
  const reference = parseReference(text);
  // Manifest and blob come from the same place: of mirrors the next one is asked for both.
  return registries.read(reference, async (repository): Promise<Fetched> => {
    const { digest, layer } = await artifactOf(repository, reference);
    const checked = now.toISOString();
    if (known?.manifest === digest) {
      const { path: _, ...record } = { ...known, checked };
      store.databases.put(record);
      return { record, outcome: 'same' };
    }
    const { size } = layer;
    const fetched = counted(repository.blob(layer), { item: layer.digest, size, onProgress });
    const unpacked = await unpackDatabase(
      verifiedBlob(layer, fetched, 'Try again; if it stays, the registry has damaged data.'),
      () => temporaryPath(store.layout, 'database'),
      text,
    );
    onProgress({ item: layer.digest, size, state: 'done', moved: size });
    return { record: keep(store, text, unpacked, { manifest: digest, checked }), outcome: 'new' };
  });
}

/**
 * Takes a database from a file into the store.
 *
 * @param reference under which it is found: what it would have been fetched from
 * @param stamp what tells this state of the file from a later one
 * @throws JettisonError `DATABASE_INVALID`, `TAR_INVALID`, `COMPRESSION_INVALID`
 */
export async function loadDatabase(
  store: Store,
  path: string,
  reference: string,
  stamp?: string,
): Promise<DatabaseRecord> {
  const content = createReadStream(path) as AsyncIterable<Buffer>;
  const unpacked = await unpackDatabase(content, () => temporaryPath(store.layout, 'database'), path);
  const checked = new Date().toISOString();
  return keep(store, reference, unpacked, { checked, ...(stamp !== undefined && { stamp }) });
}

function keep(
  store: Store,
  reference: string,
  { path, ...unpacked }: Unpacked,
  facts: Pick<DatabaseRecord, 'manifest' | 'checked' | 'stamp'>,
): DatabaseRecord {
  const record = { reference, ...unpacked, ...facts };
  store.databases.put(record, path);
  return record;
}

async function artifactOf(
  repository: Repository,
  { tag, digest }: Reference,
): Promise<{ digest: Digest; layer: Descriptor }> {
  const name = `${repository.registry}/${repository.name}`;
  const { descriptor, bytes } = await repository.manifest(digest ?? tag ?? 'latest');
  const { layers } = readManifest(bytes, `the manifest of ${name}`);
  const [layer] = layers.filter(({ mediaType }) => LAYER_TYPES.test(mediaType));
  if (layer === undefined || layers.length !== 1) {
    throw new JettisonError('DATABASE_INVALID', `${name} is no database of advisories`, {
      hint: 'Name a trivy-db, as ghcr.io/aquasecurity/trivy-db:2, or a mirror of it.',
    });
  }
  return { digest: descriptor.digest, layer };
}
