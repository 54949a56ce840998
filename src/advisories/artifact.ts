import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, rmSync, writeSync } from 'node:fs';
import { createGzip } from 'node:zlib';
import { JettisonError } from '../errors/error.ts';
import { decompress } from '../layer/decompress.ts';
import { type TarHeader, TarReader } from '../layer/tar-read.ts';
import { TAR_END, tarHeader, tarPadding } from '../layer/tar-write.ts';
import type { DatabaseRecord } from '../store/databases.ts';

/** The file that a database is, by its format: members of an artifact's tar. */
const MEMBERS = { 'trivy-db': 'trivy.db', advisories: 'advisories.lines' } as const;
const METADATA = 'metadata.json';
/** What it says are two dates and a number. */
const LARGEST_METADATA = 1 << 16;

/** A database out of its archive. */
export interface Unpacked extends Pick<DatabaseRecord, 'format' | 'file' | 'updated' | 'nextUpdate'> {
  /** The file. */
  path: string;
}

/**
 * Unpacks a database: a tar, compressed or not, with one of `MEMBERS` and `metadata.json`.
 *
 * @param temporary gives a path for the file
 * @param name for messages
 * @throws JettisonError `DATABASE_INVALID`, `TAR_INVALID`, `COMPRESSION_INVALID`, `LIMIT_EXCEEDED`
 */
export async function unpackDatabase(
  content: AsyncIterable<Buffer>,
  temporary: () => string,
  name: string,
): Promise<Unpacked> {
  const invalid = (what: string) =>
    new JettisonError('DATABASE_INVALID', `${name} is no database of advisories: ${what}`, {
      hint: 'Name a trivy-db, or what `jettison db save` or `jettison db build` wrote.',
    });
  const path = temporary();
  const digest = createHash('sha256');
  const metadata: Buffer[] = [];
  let format: DatabaseRecord['format'] | undefined;
  let file = -1;
  let into: 'file' | 'metadata' | undefined;
  const reader = new TarReader({
    entry(header: TarHeader) {
      const member = header.name.replace(/^(\.\/)+/, '');
      const found = (Object.keys(MEMBERS) as DatabaseRecord['format'][]).find(
        (one) => MEMBERS[one] === member,
      );
      into = member === METADATA ? 'metadata' : undefined;
      if (into === 'metadata' && header.size > LARGEST_METADATA) throw invalid('metadata.json is too large');
      if (found === undefined || header.type !== 'file') return;
      if (format !== undefined) throw invalid('there is more than one file of advisories in it');
      format = found;
      file = openSync(path, 'wx', 0o600);
      into = 'file';
    },
    data(chunk) {
      if (into === 'metadata') metadata.push(Buffer.from(chunk));
      if (into !== 'file') return;
      digest.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
    },
    end() {
      into = undefined;
    },
  });
  try {
    for await (const chunk of decompress(content)) reader.write(chunk);
    reader.end();
    if (format === undefined) throw invalid(`it has neither ${Object.values(MEMBERS).join(' nor ')}`);
    return { format, path, file: `sha256:${digest.digest('hex')}`, ...dates(Buffer.concat(metadata)) };
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    if (file >= 0) closeSync(file);
  }
}

/** A database as an archive that `unpackDatabase` reads. @returns the pieces of a tar.gz */
export async function* packDatabase(
  record: Pick<DatabaseRecord, 'format' | 'updated' | 'nextUpdate'>,
  path: string,
  size: number,
): AsyncGenerator<Buffer> {
  const { updated: UpdatedAt, nextUpdate: NextUpdate } = record;
  const metadata = Buffer.from(`${JSON.stringify({ Version: 2, UpdatedAt, NextUpdate })}\n`);
  async function* tar(): AsyncGenerator<Buffer> {
    yield* member(METADATA, metadata.length, [metadata]);
    yield* member(MEMBERS[record.format], size, createReadStream(path) as AsyncIterable<Buffer>);
    yield TAR_END;
  }
  const packed = createGzip();
  const written = (async () => {
    for await (const piece of tar())
      if (!packed.write(piece)) await new Promise((done) => packed.once('drain', done));
    packed.end();
  })();
  written.catch((error) => packed.destroy(error));
  yield* packed as AsyncIterable<Buffer>;
  await written;
}

async function* member(
  path: string,
  size: number,
  content: Iterable<Buffer> | AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield tarHeader({ path, type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, size });
  yield* content;
  const padding = tarPadding(size);
  if (padding > 0) yield Buffer.alloc(padding);
}

function dates(metadata: Buffer): { updated?: string; nextUpdate?: string } {
  let said: { UpdatedAt?: unknown; NextUpdate?: unknown };
  try {
    said = JSON.parse(metadata.toString()) ?? {};
  } catch {
    return {};
  }
  const date = (value: unknown) =>
    typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? new Date(value).toISOString() : undefined;
  const [updated, nextUpdate] = [date(said.UpdatedAt), date(said.NextUpdate)];
  return { ...(updated !== undefined && { updated }), ...(nextUpdate !== undefined && { nextUpdate }) };
}
