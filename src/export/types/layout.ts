import { countedToEnd } from '../../events/transfer.ts';
import { reported } from '../delivery.ts';
import type { Exporter } from '../exporter.ts';
import { checkForm, IMAGE_KEYS } from '../image-keys.ts';
import type { ImageOptions } from '../output.ts';
import { isTar, OCI_KEYS } from './archive.ts';

/** A folder that is an OCI image layout. */
export interface LayoutOutput extends ImageOptions {
  type: 'layout';
  path: string;
}

export const layout: Exporter<LayoutOutput> = {
  type: 'layout',
  kind: 'image',
  platforms: 'many',
  names: {
    oci: {
      usage: '`type=oci,tar=false,dest=FOLDER`',
      help: 'An OCI image layout in a folder.',
      when: (fields) => !isTar(fields),
      keys: OCI_KEYS,
    },
  },
  dest: 'folder',
  keys: IMAGE_KEYS,
  check: checkForm,
  async deliver(job, output) {
    const { path } = output;
    const { archiveOf } = await import('../archive-of.ts');
    const { extractTar } = await import('../extract.ts');
    const bytes = await archiveOf(job, output, 'oci-archive');
    await reported(job, `image to ${path}`, async (onProgress) => {
      await extractTar(countedToEnd(bytes, { item: path, onProgress }), path, job.signal);
    });
  },
};
