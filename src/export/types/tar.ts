import { countedToEnd } from '../../events/transfer.ts';
import { reported } from '../delivery.ts';
import type { Exporter } from '../exporter.ts';
import { type Destination, destinationName } from '../output.ts';

/** The files of the image, as a tar that keeps their owners. */
export interface TarOutput {
  type: 'tar';
  to: Destination;
}

export const tar: Exporter<TarOutput> = {
  type: 'tar',
  kind: 'files',
  platforms: 'one',
  names: {
    tar: {
      usage: '`type=tar,dest=FILE`, or `-`',
      help: "The image's files as a tar, with owners, modes and times.",
    },
  },
  dest: 'file',
  keys: {},
  async deliver(job, { to }) {
    const { built, store, time, signal } = job;
    const item = destinationName(to);
    await reported(job, `files to ${item}`, async (onProgress) => {
      const { filesTar } = await import('../image-files.ts');
      const { writeOutput } = await import('../write-output.ts');
      const bytes = filesTar(store, await job.worker(), await built[0]!.files(), time);
      await writeOutput(to, countedToEnd(bytes, { item, onProgress }), signal);
    });
  },
};
