import { JettisonError } from '../errors/error.ts';
import { checkLimit } from '../errors/limits.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import type { Store } from '../store/store.ts';
import { tarMembers } from './tar-members.ts';

/** A file of an archive whose content is a blob of the store now. */
export interface ArchivedFile {
  digest: Digest;
  size: number;
}

const MAX_LINKS = 16;
/** What old Docker versions write beside each layer; nobody reads it. */
const IGNORED = /(^|\/)(VERSION|json|repositories)$/;

/**
 * The files of an image archive, taken in whatever order they come: JSON is kept in memory, everything else
 * goes into the store's blobs on the way, its digest verified where its name says it. Names are only ever
 * looked up, never used as paths on the disk.
 */
export class ArchiveFiles {
  readonly #json = new Map<string, Buffer>();
  readonly #blobs = new Map<string, ArchivedFile>();
  readonly #links = new Map<string, string>();
  readonly #names = new Set<string>();

  private constructor() {}

  /** @throws JettisonError `TAR_INVALID`, `DIGEST_MISMATCH`, `ARCHIVE_INVALID` */
  static async read(store: Store, tar: AsyncIterable<Buffer>, signal?: AbortSignal): Promise<ArchiveFiles> {
    const files = new ArchiveFiles();
    let json = 0;
    for await (const { header, content } of tarMembers(tar)) {
      signal?.throwIfAborted();
      const name = clean(header.name);
      files.#names.add(name);
      if (header.type === 'symlink') files.#links.set(name, clean(`${name}/../${header.link}`));
      else if (header.type === 'hardlink') files.#links.set(name, clean(header.link!));
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

  /** Whether there was nothing in the archive at all. */
  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  /** Whether the archive has anything of that name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Bytes of a JSON file of the archive; undefined if it has none of that name. */
  bytes(name: string): Buffer | undefined {
    return this.#json.get(this.#follow(name));
  }

  /** A file that went into the store; undefined if the archive has none of that name. */
  blob(name: string): ArchivedFile | undefined {
    return this.#blobs.get(this.#follow(name));
  }

  /** Old Docker versions replace a layer that occurs twice by a link. */
  #follow(name: string): string {
    let at = clean(name);
    for (let links = 0; links < MAX_LINKS && this.#links.has(at); links++) at = this.#links.get(at)!;
    return at;
  }
}

/** `./a//b/../c` → `a/c`; what would lead outside stays inside, where nothing is found. */
function clean(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** The digest that a name promises: `blobs/sha256/<hex>` of an OCI layout. */
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
