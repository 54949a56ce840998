import { countedToEnd } from '../../events/transfer.ts';
import { booleanOf } from '../../fields/csv.ts';
import { reported } from '../delivery.ts';
import type { Exporter } from '../exporter.ts';
import { checkForm, IMAGE_KEYS } from '../image-keys.ts';
import { type Destination, destinationName, type ImageOptions } from '../output.ts';

/** An archive: see `ArchiveFormat`. */
export interface ArchiveOutput extends ImageOptions {
  type: 'archive';
  format: 'docker-archive' | 'oci-archive';
  to: Destination;
}

/** `tar=` of `type=oci`: an archive, or a folder. */
export const OCI_KEYS = {
  tar: {
    value: 'false',
    help: 'For `type=oci`: `dest` is a folder instead of an archive.',
    // `when` reads it to choose the exporter.
    set() {},
  },
};

export function isTar(fields: ReadonlyMap<string, string>): boolean {
  return booleanOf(fields.get('tar') ?? 'true', 'tar');
}

export const archive: Exporter<ArchiveOutput> = {
  type: 'archive',
  kind: 'image',
  platforms: ({ format }) => (format === 'docker-archive' ? 'one' : 'many'),
  names: {
    docker: {
      usage: '`type=docker,dest=FILE`',
      help: 'An archive for `docker load`.',
      when: (fields) => fields.has('dest'),
      options: { format: 'docker-archive' },
    },
    oci: {
      usage: '`type=oci,dest=FILE`',
      help: 'An OCI image layout in a tar.',
      when: isTar,
      options: { format: 'oci-archive' },
      keys: OCI_KEYS,
    },
  },
  dest: 'file',
  keys: IMAGE_KEYS,
  check: checkForm,
  async deliver(job, output) {
    const item = destinationName(output.to);
    const { wholeImage } = await import('../layout-content.ts');
    const { writeArchive } = await import('../archive-write.ts');
    const { writeOutput } = await import('../write-output.ts');
    const bytes = writeArchive(job.store, [await wholeImage(job, output)], output.format);
    await reported(job, `image to ${item}`, async (onProgress) => {
      await writeOutput(output.to, countedToEnd(bytes, { item, onProgress }), job.signal);
    });
  },
};
