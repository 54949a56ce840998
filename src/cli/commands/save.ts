import { resolve } from 'node:path';
import { JettisonError, usageError } from '../../errors/error.ts';
import { type ArchiveFormat, writeArchive } from '../../export/archive-write.ts';
import { fetchMissing } from '../../export/fetch-missing.ts';
import type { NamedSet } from '../../export/layout-content.ts';
import { writeOutput } from '../../export/write-output.ts';
import { canonicalName, parseReference } from '../../image/reference.ts';
import { attestationsIn, findImage, type NamedImage } from '../../store/lookup.ts';
import { type Store, useStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';

/** Each image once, with the given names. An image given by its id has no name. */
function chooseImages(store: Store, texts: string[]): NamedSet[] {
  const chosen = new Map<string, NamedSet>();
  for (const text of texts) {
    const image = findImage(store, text);
    const attestations = attestationsIn(store, image);
    const target = attestations.length > 0 ? image.target : image.descriptor;
    const entry = chosen.get(target.digest) ?? {
      ...{ target, images: [image], names: [] as string[] },
      ...(attestations.length > 0 && { attestations }),
    };
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

export const command = defineCommand({
  usage: 'jettison save [OPTIONS] IMAGE...',
  about: 'Writes images into an archive that `docker load`, podman, skopeo and `jettison load` read.',
  flags: {
    format: {
      value: 'FORMAT',
      values: ['docker-archive', 'oci-archive'] satisfies readonly ArchiveFormat[],
      help: 'docker-archive (the default; it is an OCI layout, too) or oci-archive',
    },
    output: { short: 'o', value: 'FILE', help: 'Write to a file instead of standard output' },
  },
  examples: ['jettison save -o app.tar app:1.0', 'jettison save app | docker load'],
  writesArchives: true,
  async run({ flags, args, io }) {
    if (flags.output === undefined && io.stdout.isTTY === true) {
      throw usageError(
        'cannot write an archive to a terminal',
        'Write it to a file with -o FILE, or redirect the output.',
      );
    }
    return useStore(io, async (store) => {
      const images = chooseImages(store, args);
      const parts = images.flatMap((one) => one.images);
      await fetchMissing(store, parts, io);
      const archive = writeArchive(store, images, flags.format ?? 'docker-archive');
      const to = flags.output === undefined ? { stream: io.stdout } : { path: resolve(io.cwd, flags.output) };
      await writeOutput(to, archive, io.signal);
      return 0;
    });
  },
});
