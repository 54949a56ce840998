import { JettisonError } from '../../errors/error.ts';
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
    const { blobsOf, entriesOf, wholeImage } = await import('../layout-content.ts');
    const image = await wholeImage(job, output);
    await reported(job, `image to ${path}`, async (onProgress) => {
      const { FolderWriter } = await import('../../layout/folder-writer.ts');
      const invalid = (reason: string, cause?: Error) =>
        new JettisonError('OUTPUT_INVALID', `${path} ${reason}`, {
          hint: 'Choose another folder, or make room in it.',
          cause,
        });
      const unwritable = (error: Error) => invalid(`cannot be written: ${error.message}`, error);
      const writer = new FolderWriter(path, { invalid, unwritable, reproducible: true });
      const blobs = blobsOf(job.store, [image]);
      const size = blobs.reduce((sum, blob) => sum + blob.size, 0);
      let moved = 0;
      for (const blob of blobs) {
        const report = (count: number) =>
          onProgress({ item: path, size, state: 'moving', moved: moved + count });
        job.signal.throwIfAborted();
        await writer.addBlob(blob, job.store.blobs.stream(blob.digest, report));
        moved += blob.size;
      }
      await writer.writeIndex(entriesOf([image]));
      writer.finish();
      onProgress({ item: path, size, state: 'done', moved });
    });
  },
};
