import { JettisonError } from '../errors/error.ts';
import { checkLimit, type LimitName } from '../errors/limits.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import type { LayoutFiles } from '../layout/layout-files.ts';
import { MemberNames } from '../layout/member-names.ts';
import type { Store } from '../store/store.ts';
import { tarMembers } from './tar-members.ts';

/** A file of an archive, whose content is now a blob of the store. */
export interface ArchivedFile {
  digest: Digest;
  size: number;
}

/** Files that old Docker versions write beside each layer. */
const IGNORED = /(^|\/)(VERSION|json|repositories)$/;

/**
 * The files of an image archive, read in any order. JSON is kept in memory; all other files become blobs of the store,
 * verified if their names have a digest. Names are only looked up, never used as paths on the disk.
 */
export class ArchiveFiles implements LayoutFiles {
  readonly #json = new Map<string, Buffer>();
  readonly #blobs = new Map<string, ArchivedFile>();
  readonly #names = new MemberNames();
  readonly #present = new Set<string>();
  readonly #store: Store;

  private constructor(store: Store) {
    this.#store = store;
  }

  /** @throws JettisonError `TAR_INVALID`, `DIGEST_MISMATCH`, `ARCHIVE_INVALID` */
  static async load(store: Store, tar: AsyncIterable<Buffer>, signal?: AbortSignal): Promise<ArchiveFiles> {
    const files = new ArchiveFiles(store);
    let json = 0;
    for await (const { header, content } of tarMembers(tar)) {
      signal?.throwIfAborted();
      const name = files.#names.add(header);
      files.#present.add(name);
      if (header.type !== 'file' || IGNORED.test(name)) continue;
      if (name.endsWith('.json') || name === 'oci-layout') {
        json += header.size;
        checkLimit('archive-json', json, 'the JSON of the archive');
        files.#json.set(name, await collect(name, header.size, content));
      } else {
        const digest = digestInName(name);
        const expected = digest === undefined ? undefined : { digest, size: header.size };
        files.#blobs.set(name, await store.blobs.writeStream(content, expected, signal));
      }
    }
    return files;
  }

  /** Whether the archive has no members. */
  get isEmpty(): boolean {
    return this.#present.size === 0;
  }

  /** Whether the archive has a member of that name. */
  has(name: string): boolean {
    return this.#present.has(name);
  }

  read(name: string, limit: LimitName): Buffer | undefined {
    const at = this.#names.find(name);
    const json = this.#json.get(at);
    const blob = json === undefined ? this.#blobs.get(at) : undefined;
    checkLimit(limit, json?.length ?? blob?.size ?? 0, `${name} in the archive`, 'ARCHIVE_INVALID');
    return json ?? (blob && this.#store.blobs.read(blob.digest));
  }

  size(name: string): number | undefined {
    const at = this.#names.find(name);
    return this.#json.get(at)?.length ?? this.#blobs.get(at)?.size;
  }

  async *open(name: string): AsyncGenerator<Buffer> {
    const blob = this.blob(name);
    if (blob === undefined) throw new JettisonError('ARCHIVE_INVALID', `the archive lacks ${name}`);
    yield* this.#store.blobs.stream(blob.digest) as AsyncIterable<Buffer>;
  }

  /** A file that became a blob of the store; undefined for an unknown name. */
  blob(name: string): ArchivedFile | undefined {
    return this.#blobs.get(this.#names.find(name));
  }
}

/** The digest in a name `blobs/sha256/<hex>` of an OCI layout. @throws JettisonError `ARCHIVE_INVALID` */
function digestInName(name: string): Digest | undefined {
  const match = /^blobs\/sha256\/(.*)$/.exec(name);
  if (match === null) return undefined;
  const digest = `sha256:${match[1]}`;
  if (!isDigest(digest))
    throw new JettisonError('ARCHIVE_INVALID', `the archive has a blob with the name ${name}`);
  return digest;
}

async function collect(name: string, size: number, content: AsyncIterable<Buffer>): Promise<Buffer> {
  checkLimit('config-size', size, `${name} in the archive`, 'ARCHIVE_INVALID');
  const parts: Buffer[] = [];
  for await (const chunk of content) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}
