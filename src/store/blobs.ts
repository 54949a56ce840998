import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { JettisonError } from '../errors/error.ts';
import { canonicalJson, type Digest, sha256 } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { StoreLayout } from './layout.ts';
import { temporaryPath, writeWhole } from './temporary.ts';

/** Content by digest: manifests, configs and packed layers, stored as in an OCI image layout. */
export class Blobs {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** Bytes of a blob, or undefined when the store does not hold it. */
  size(digest: Digest): number | undefined {
    return statSync(this.#layout.blob(digest), { throwIfNoEntry: false })?.size;
  }

  /** @param size the expected size in bytes; after a power failure a file may be shorter */
  has(digest: Digest, size?: number): boolean {
    const actual = this.size(digest);
    return actual !== undefined && (size === undefined || actual === size);
  }

  /** Deletes a blob whose content has another digest. @returns whether it was deleted */
  async discardDamaged(digest: Digest): Promise<boolean> {
    if (!this.has(digest) || `sha256:${await digestOfFile(this.path(digest))}` === digest) return false;
    rmSync(this.path(digest), { force: true });
    return true;
  }

  path(digest: Digest): string {
    return this.#layout.blob(digest);
  }

  /**
   * The bytes of a blob. The last chunk is withheld until the digest is verified, so that a reader never takes damaged
   * content for complete.
   *
   * @param report called with the number of bytes so far
   * @throws JettisonError `BLOB_MISSING`; during reading `BLOB_DAMAGED`
   */
  stream(digest: Digest, report?: (moved: number) => void): Readable {
    if (!this.has(digest)) throw missing(digest);
    const file = createReadStream(this.#layout.blob(digest), { highWaterMark: 1 << 20 });
    return Readable.from(verified(file, digest, report), { objectMode: false });
  }

  /**
   * A whole blob in memory, with its digest verified: for manifests and configs.
   *
   * @throws JettisonError `BLOB_MISSING`, `BLOB_DAMAGED`
   */
  read(digest: Digest): Buffer {
    let data: Buffer;
    try {
      data = readFileSync(this.#layout.blob(digest));
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing(digest) : error;
    }
    const actual = sha256(data);
    if (actual !== digest) throw damaged(digest);
    return data;
  }

  /** A JSON blob: see `read`. */
  readJson<T>(digest: Digest): T {
    return JSON.parse(this.read(digest).toString('utf8')) as T;
  }

  /** Stores bytes under their digest. */
  write(data: Uint8Array): { digest: Digest; size: number } {
    const digest = sha256(data);
    // A file with other content is damaged, and is replaced.
    if (!this.#holds(digest, data)) writeWhole(this.#layout, this.#layout.blob(digest), data);
    return { digest, size: data.byteLength };
  }

  #holds(digest: Digest, data: Uint8Array): boolean {
    return this.size(digest) === data.byteLength && readFileSync(this.#layout.blob(digest)).equals(data);
  }

  /** Stores a value as canonical JSON. */
  writeJson(value: unknown, mediaType: string): Descriptor {
    return { mediaType, ...this.write(Buffer.from(canonicalJson(value))) };
  }

  /**
   * Stores a stream, and verifies digest and size. A blob that fails is never visible.
   *
   * @param expected absent: the content is stored under the digest that it has
   * @throws JettisonError `DIGEST_MISMATCH`
   */
  async writeStream(
    source: AsyncIterable<Uint8Array>,
    expected?: { digest: Digest; size?: number },
    signal?: AbortSignal,
  ): Promise<{ digest: Digest; size: number }> {
    const temporary = temporaryPath(this.#layout, 'blob');
    const hash = createHash('sha256');
    let size = 0;
    try {
      await pipeline(
        source,
        async function* (chunks: AsyncIterable<Uint8Array>) {
          for await (const chunk of chunks) {
            hash.update(chunk);
            size += chunk.byteLength;
            yield chunk;
          }
        },
        createWriteStream(temporary, { highWaterMark: 1 << 20 }),
        signal === undefined ? {} : { signal },
      );
      const digest: Digest = `sha256:${hash.digest('hex')}`;
      if (expected !== undefined && digest !== expected.digest) throw mismatch(expected.digest, digest);
      if (expected?.size !== undefined && size !== expected.size) {
        throw new JettisonError('DIGEST_MISMATCH', `${digest} has ${size} bytes instead of ${expected.size}`);
      }
      renameSync(temporary, this.#layout.blob(digest));
      return { digest, size };
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }
}

/** The sha256 of a file, as 64 hexadecimal digits. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function* verified(
  source: AsyncIterable<Buffer>,
  digest: Digest,
  report: (moved: number) => void = () => {},
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  let moved = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    if (held !== undefined) {
      yield held;
      moved += held.length;
      report(moved);
    }
    held = chunk;
  }
  if (`sha256:${hash.digest('hex')}` !== digest) throw damaged(digest);
  if (held === undefined) return;
  yield held;
  report(moved + held.length);
}

function damaged(digest: Digest): JettisonError {
  return new JettisonError(
    'BLOB_DAMAGED',
    `${digest} in the store is damaged: its content has another digest`,
    {
      hint: '`jettison doctor --store --repair` removes it, and lists the images to pull or build again.',
    },
  );
}

function missing(digest: Digest): JettisonError {
  return new JettisonError('BLOB_MISSING', `the store does not hold ${digest}`, {
    hint: 'Build, load or pull the image again.',
  });
}

function mismatch(expected: Digest, actual: Digest): JettisonError {
  return new JettisonError('DIGEST_MISMATCH', `content of ${expected} has the digest ${actual}`, {
    hint: 'The stored or received data is damaged: remove it, then fetch or build it again.',
  });
}
