import { reported } from '../delivery.ts';
import type { Exporter } from '../exporter.ts';
import { checkForm, IMAGE_KEYS, imageOf } from '../image-keys.ts';
import type { ImageOptions } from '../output.ts';

/** A running Docker or Podman engine. */
export interface EngineOutput extends ImageOptions {
  type: 'engine';
}

export const engine: Exporter<EngineOutput> = {
  type: 'engine',
  kind: 'image',
  platforms: 'one',
  names: {
    docker: {
      usage: '`type=docker`, or `--load`',
      help: 'The image in a running Docker or Podman engine. `--load` alone keeps it in the store, too.',
      when: (fields) => !fields.has('dest'),
    },
  },
  keys: IMAGE_KEYS,
  check: checkForm,
  async deliver(job, output) {
    const { made, names } = await imageOf(job, output);
    await reported(job, 'image to engine', async (onProgress) => {
      const { loadIntoEngine } = await import('../engine-load.ts');
      await loadIntoEngine({ ...job, onProgress }, made, names);
    });
  },
};
