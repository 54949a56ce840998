import { lstatSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { fromSystemError } from '../errors/system.ts';
import { canonicalJson, isDigest, sha256 } from '../image/digest.ts';
import { blobName, REF_NAME } from '../image/layout.ts';
import type { Descriptor, Index, Manifest } from '../image/types.ts';
import { FolderFiles } from '../layout/folder-files.ts';
import { FolderWriter } from '../layout/folder-writer.ts';
import { collectGarbage } from './layout-garbage.ts';

/**
 * A folder that is an OCI image layout, shared by processes and machines without a lock. Each tag is a file in `refs/`.
 * `index.json`, for other programs, is rewritten from these files after every change until it matches them, so the last
 * writer of the index has always seen the tags of all others.
 */
export class LayoutFolder {
  readonly #path: string;
  readonly #files: FolderFiles;
  readonly #writer: FolderWriter;

  constructor(path: string) {
    this.#path = path;
    this.#files = new FolderFiles(path, (reason) => this.#invalid(`cannot be read: ${reason}`));
    this.#writer = new FolderWriter(path, {
      unwritable: (error) => this.#unwritable(error),
      invalid: (reason) => this.#invalid(reason),
    });
  }

  /** The descriptor of a tag. @throws JettisonError `CACHE_MISSING`, `CACHE_INVALID` */
  find(tag: string): Descriptor {
    const found =
      this.#read<Descriptor>(join('refs', `${tag}.json`)) ?? this.#index()?.find((one) => tagOf(one) === tag);
    if (found !== undefined) return found;
    const isThere = statSync(join(this.#path, 'oci-layout'), { throwIfNoEntry: false }) !== undefined;
    throw new JettisonError(
      'CACHE_MISSING',
      isThere ? `it has no cache with the tag ${tag}` : 'it does not exist',
      { hint: 'A build with --cache-to creates it.' },
    );
  }

  /** @throws JettisonError `CACHE_INVALID` */
  manifest(descriptor: Descriptor): Manifest {
    const manifest = this.json(descriptor) as Partial<Manifest> | null;
    if (manifest?.config !== undefined && Array.isArray(manifest.layers)) return manifest as Manifest;
    throw this.#invalid(`has a blob that is not an image manifest: ${descriptor.digest}`);
  }

  /** A small JSON blob, verified. @throws JettisonError `CACHE_INVALID` */
  json({ digest }: Pick<Descriptor, 'digest'>): unknown {
    const bytes = this.#files.read(this.#blobName(digest), 'cache-config-size');
    if (bytes === undefined) throw this.#invalid(`lacks the blob ${digest}`);
    try {
      if (sha256(bytes) === digest) return JSON.parse(bytes.toString('utf8'));
    } catch (error) {
      throw this.#invalid(`cannot be read: ${(error as Error).message}`);
    }
    throw this.#invalid(`has a damaged blob: ${digest}`);
  }

  /** Whether a blob exists with its full size. */
  holds({ digest, size }: Descriptor): boolean {
    try {
      const stat = statSync(this.#blob(digest));
      return stat.isFile() && stat.size === size;
    } catch {
      return false;
    }
  }

  /** Whether a blob exists. If so its time is set to now, so that it is not deleted before the manifest names it. */
  keep(blob: Descriptor): boolean {
    try {
      if (!lstatSync(this.#blob(blob.digest)).isFile()) return false;
      utimesSync(this.#blob(blob.digest), new Date(), new Date());
    } catch {
      return false;
    }
    return this.holds(blob);
  }

  /** A blob's bytes, not verified. @throws JettisonError `CACHE_INVALID` when it is missing */
  stream(blob: Descriptor): AsyncIterable<Buffer> {
    if (!this.holds(blob)) throw this.#invalid(`lacks the blob ${blob.digest}`);
    return this.#files.open(this.#blobName(blob.digest));
  }

  /** Adds a blob, verified. @throws JettisonError `CACHE_UNWRITABLE` */
  async add(blob: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    this.#blobName(blob.digest);
    await this.#writer.addBlob(blob, bytes);
  }

  /** Gives a manifest a tag. @throws JettisonError `CACHE_UNWRITABLE` */
  async name(tag: string, manifest: Descriptor): Promise<void> {
    const { mediaType, digest, size } = manifest;
    const named = { mediaType, digest, size, annotations: { [REF_NAME]: tag } };
    await this.#writer.write(join('refs', `${tag}.json`), canonicalJson(named));
    for (let listed = ''; ; ) {
      const tags = this.#tags();
      const now = canonicalJson(tags);
      if (now === listed) break;
      listed = now;
      const known = new Set(tags.map(tagOf));
      // Entries of other programs.
      const others = (this.#index() ?? []).filter((one) => !known.has(tagOf(one)));
      await this.#writer.writeIndex([...others, ...tags]);
    }
    collectGarbage(this.#path, () => [...this.#tags(), ...(this.#index() ?? [])]);
    this.#writer.finish();
  }

  /** The descriptors in `refs/`, sorted by tag. */
  #tags(): Descriptor[] {
    const names = readdirSync(join(this.#path, 'refs')).filter((name) => name.endsWith('.json'));
    return names.sort().flatMap((name) => this.#read<Descriptor>(join('refs', name)) ?? []);
  }

  #index(): Descriptor[] | undefined {
    const index = this.#read<Partial<Index>>('index.json');
    return Array.isArray(index?.manifests) ? index.manifests : undefined;
  }

  /** Undefined for a file that is missing or not JSON. @param path relative to the folder */
  #read<T>(path: string): T | undefined {
    const bytes = this.#files.read(path, 'cache-config-size');
    if (bytes === undefined) return undefined;
    try {
      return JSON.parse(bytes.toString('utf8')) as T;
    } catch {
      return undefined;
    }
  }

  #blob(digest: Descriptor['digest']): string {
    return join(this.#path, this.#blobName(digest));
  }

  #blobName(digest: Descriptor['digest']): string {
    if (!isDigest(digest)) throw this.#invalid(`names a blob by an invalid digest: "${digest}"`);
    return blobName(digest);
  }

  #invalid(reason: string): JettisonError {
    return new JettisonError('CACHE_INVALID', `${this.#path} ${reason}`, {
      hint: '--cache-to type=local,dest=FOLDER writes such a folder.',
    });
  }

  #unwritable(error: Error): JettisonError {
    return (
      fromSystemError(error) ??
      new JettisonError('CACHE_UNWRITABLE', `${this.#path} cannot be written: ${error.message}`, {
        hint: 'Give --cache-to a folder that you may write.',
        cause: error,
      })
    );
  }
}

function tagOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[REF_NAME];
}
