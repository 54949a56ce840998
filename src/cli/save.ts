import { createWriteStream, rmSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { JettisonError } from '../errors/error.ts';
import { type ArchiveFormat, type ArchiveImage, writeArchive } from '../export/archive-write.ts';
import { fetchMissing } from '../export/fetch-missing.ts';
import { canonicalName, parseReference } from '../image/reference.ts';
import { findImage, type NamedImage } from '../store/lookup.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Command, Io } from './command.ts';
import { usageError } from './usage.ts';

const help = `Usage: jettison save [OPTIONS] IMAGE...

Writes images into an archive that \`docker load\`, podman, skopeo and \`jettison load\` read.

Options:
      --format FORMAT  docker-archive (the default; it is an OCI layout, too) or oci-archive
  -o, --output FILE    Write to a file instead of standard output

Examples:
  jettison save -o app.tar app:1.0
  jettison save app | docker load
`;

const USAGE = 'usage: jettison save [OPTIONS] IMAGE...';

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { format: { type: 'string' }, output: { type: 'string', short: 'o' } },
  });
  if (positionals.length === 0) throw usageError('save needs an image', USAGE);
  const format = values.format ?? 'docker-archive';
  if (!isFormat(format)) {
    throw usageError(`there is no format "${format}"`, 'the formats are docker-archive and oci-archive');
  }
  if (values.output === undefined && io.stdout.isTTY === true) {
    throw usageError(
      'an archive is not for a terminal',
      'write it to a file with -o, or redirect the output',
    );
  }
  const store = openStore({ env: io.env });
  const end = await store.leases.use(io.signal);
  try {
    const images = chooseImages(store, positionals);
    await fetchMissing(
      store,
      images.map(({ image }) => image),
      async () =>
        new (await import('../registry/registries.ts')).Registries({ env: io.env, signal: io.signal }),
    );
    const archive = writeArchive(store, images, format);
    if (values.output === undefined) await copy(archive, io.stdout, io.signal, false);
    else await writeFile(resolve(io.cwd, values.output), archive, io.signal);
    return 0;
  } finally {
    end();
    store.close();
  }
}

function isFormat(text: string): text is ArchiveFormat {
  return text === 'docker-archive' || text === 'oci-archive';
}

/** Each image once, with those of its names that were asked for; an id asks for none. */
function chooseImages(store: Store, texts: string[]): ArchiveImage[] {
  const chosen = new Map<string, ArchiveImage>();
  for (const text of texts) {
    const image = findImage(store, text);
    const entry = chosen.get(image.descriptor.digest) ?? { image, names: [] };
    const name = nameMeant(image, text);
    if (name !== undefined && !entry.names.includes(name)) entry.names.push(name);
    chosen.set(image.descriptor.digest, entry);
  }
  return [...chosen.values()];
}

function nameMeant(image: NamedImage, text: string): string | undefined {
  try {
    const name = canonicalName(parseReference(text));
    return image.names.includes(name) ? name : undefined;
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}

/** A regular file appears when it is complete; a pipe or a device is written to as it is. */
async function writeFile(path: string, archive: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
  const present = statSync(path, { throwIfNoEntry: false });
  if (present?.isDirectory()) {
    throw new JettisonError('OUTPUT_INVALID', `${path} is a directory`, { hint: 'Name a file in it.' });
  }
  if (present !== undefined && !present.isFile()) {
    await copy(archive, createWriteStream(path), signal, true);
    return;
  }
  const partial = `${path}.${process.pid}.partial`;
  try {
    await copy(archive, createWriteStream(partial), signal, true);
    await rename(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw error;
    throw new JettisonError('OUTPUT_INVALID', `${path} cannot be written: its folder does not exist`, {
      hint: 'Make the folder first.',
    });
  }
}

async function copy(
  archive: AsyncIterable<Buffer>,
  to: Writable,
  signal: AbortSignal,
  end: boolean,
): Promise<void> {
  await pipeline(Readable.from(archive, { objectMode: false, highWaterMark: 1 << 20 }), to, { signal, end });
}

export const command: Command = { help, run };
