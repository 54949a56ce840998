import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { JettisonError } from '../errors/error.ts';
import { writing } from '../errors/system.ts';
import { canonicalJson, hex, sha256 } from '../image/digest.ts';
import { type Descriptor, type Index, MEDIA } from '../image/types.ts';
import type { Store } from '../store/store.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * A folder that is an OCI image layout, shared by machines: everything is written to a file of its own and renamed,
 * the index last, so that who reads while others write finds a whole cache, the old or the new one.
 */
export class LayoutFolder {
  constructor(private readonly path: string) {}

  /** The descriptor of a tag; undefined when there is none. @throws JettisonError `CACHE_INVALID` */
  find(tag: string): Descriptor | undefined {
    return this.#index().manifests.find(({ annotations }) => annotations?.[REF_NAME] === tag);
  }

  /** The bytes of a small blob, verified. @throws JettisonError `CACHE_INVALID` */
  read({ digest }: Pick<Descriptor, 'digest'>): Buffer {
    const bytes = attempt(this.path, () => readFileSync(this.#blob(digest)));
    if (sha256(bytes) !== digest) throw invalid(this.path, `its blob ${digest} is damaged`);
    return bytes;
  }

  /** Has the store hold a blob of the folder, verified. */
  async fetch(store: Store, blob: Descriptor): Promise<void> {
    if (store.blobs.has(blob.digest, blob.size)) return;
    if (!existsSync(this.#blob(blob.digest))) throw invalid(this.path, `it lacks the blob ${blob.digest}`);
    await store.blobs.writeStream(
      createReadStream(this.#blob(blob.digest), { highWaterMark: 1 << 20 }),
      blob,
    );
  }

  /** Copies blobs of the store that the folder lacks, and then gives the manifest a tag. */
  async write(store: Store, blobs: Descriptor[], manifest: Descriptor, tag: string): Promise<void> {
    mkdirSync(join(this.path, 'blobs', 'sha256'), { recursive: true });
    for (const { digest } of [...blobs, manifest]) {
      if (existsSync(this.#blob(digest))) continue;
      await this.#whole(this.#blob(digest), (path) =>
        pipeline(store.blobs.stream(digest), createWriteStream(path)),
      );
    }
    if (!existsSync(join(this.path, 'oci-layout'))) {
      await this.#whole(join(this.path, 'oci-layout'), async (path) =>
        writeFileSync(path, '{"imageLayoutVersion":"1.0.0"}'),
      );
    }
    const index: Index = existsSync(join(this.path, 'index.json'))
      ? this.#index()
      : { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [] };
    const others = index.manifests.filter(({ annotations }) => annotations?.[REF_NAME] !== tag);
    const manifests = [...others, { ...manifest, annotations: { [REF_NAME]: tag } }];
    await this.#whole(join(this.path, 'index.json'), async (path) =>
      writeFileSync(path, canonicalJson({ ...index, manifests })),
    );
  }

  #index(): Index {
    const text = attempt(this.path, () => readFileSync(join(this.path, 'index.json'), 'utf8'));
    try {
      const index = JSON.parse(text) as Index;
      if (Array.isArray(index.manifests)) return index;
    } catch {
      // Said below.
    }
    throw invalid(this.path, 'its index.json cannot be read');
  }

  #blob(digest: Descriptor['digest']): string {
    return join(this.path, 'blobs', 'sha256', hex(digest));
  }

  async #whole(path: string, write: (path: string) => Promise<void>): Promise<void> {
    const partial = `${path}.${process.pid}.partial`;
    try {
      await writing(path, () => write(partial));
      renameSync(partial, path);
    } finally {
      rmSync(partial, { force: true });
    }
  }
}

function attempt<T>(folder: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalid(folder, (error as Error).message);
  }
}

function invalid(folder: string, reason: string): JettisonError {
  return new JettisonError('CACHE_INVALID', `the cache in ${folder} cannot be used: ${reason}`, {
    hint: 'It is written by --cache-to type=local,dest=FOLDER.',
  });
}
