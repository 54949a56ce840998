import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { type ArchiveFormat, type ArchiveImage, writeArchive } from '../../export/archive-write.ts';
import { fetchMissing } from '../../export/fetch-missing.ts';
import { writeOutput } from '../../export/write-output.ts';
import { canonicalName, parseReference } from '../../image/reference.ts';
import { findImage, type NamedImage } from '../../store/lookup.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { usageError } from '../usage.ts';

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
      images.flatMap((one) => one.images),
      async () =>
        new (await import('../../registry/registries.ts')).Registries({ env: io.env, signal: io.signal }),
    );
    const archive = writeArchive(store, images, format);
    const to = values.output === undefined ? { stream: io.stdout } : { path: resolve(io.cwd, values.output) };
    await writeOutput(to, archive, io.signal);
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
    const { descriptor: target } = image;
    const entry = chosen.get(target.digest) ?? { target, images: [image], names: [] };
    const name = nameMeant(image, text);
    if (name !== undefined && !entry.names.includes(name)) entry.names.push(name);
    chosen.set(target.digest, entry);
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

export const command: Command = { writesArchives: true, help, run };
