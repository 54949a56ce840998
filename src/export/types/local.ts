import { join } from 'node:path';
import { countedToEnd } from '../../events/transfer.ts';
import { reported } from '../delivery.ts';
import type { Exporter } from '../exporter.ts';

/** The files of the image in a folder, owned by the user who builds. */
export interface LocalOutput {
  type: 'local';
  path: string;
}

export const local: Exporter<LocalOutput> = {
  type: 'local',
  kind: 'files',
  platforms: 'many',
  names: {
    local: {
      usage: '`type=local,dest=FOLDER`, or `FOLDER`',
      help: "The image's files in a folder.",
    },
  },
  dest: 'folder',
  keys: {},
  async deliver(job, { path }) {
    const { built, asIndex, store, time, signal } = job;
    await reported(job, `files to ${path}`, async (onProgress) => {
      const { filesTar } = await import('../image-files.ts');
      const { extractTar } = await import('../extract.ts');
      const worker = await job.worker();
      let devices = 0;
      for (const one of built) {
        // The names of buildx.
        const { os, architecture, variant } = one.platform;
        const name = [os, architecture, ...(variant === undefined ? [] : [variant])].join('_');
        const folder = asIndex ? join(path, name) : path;
        const bytes = filesTar(store, worker, await one.files(), time);
        const counted = countedToEnd(bytes, { item: folder, onProgress });
        devices += (await extractTar(counted, folder, signal)).leftOut;
      }
      if (devices > 0) {
        job.emit({
          type: 'warning',
          code: 'OUTPUT_DEVICES',
          message: `${devices} device files and pipes of the image are not in ${path}`,
          hint: 'type=tar keeps them.',
        });
      }
    });
  },
};
