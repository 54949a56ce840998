import { EXIT, JettisonError, usageError } from '../../errors/error.ts';
import { booleanOf } from '../../fields/csv.ts';
import { toggle } from '../../fields/keys.ts';
import { familiarName, parseReference } from '../../image/reference.ts';
import { type Delivery, reported } from '../delivery.ts';
import type { Exporter } from '../exporter.ts';
import { checkForm, IMAGE_KEYS, imageOf } from '../image-keys.ts';
import type { ImageOptions } from '../output.ts';

/** The image in the store and, with `push`, in the registries of its names. */
export interface StoreOutput extends ImageOptions {
  type: 'image';
  push?: boolean;
  /** Pushes without a tag. */
  pushByDigest?: boolean;
  /** Accepts any certificate, and plain http. */
  insecure?: boolean;
}

export const image: Exporter<StoreOutput> = {
  type: 'image',
  kind: 'image',
  platforms: 'many',
  names: {
    image: {
      usage: '`type=image`',
      help: 'The image in the store. `push=true` pushes it, too.',
    },
    registry: {
      usage: '`type=registry`, or `--push`',
      help: 'The image in the store and in the registries of its names.',
      options: { push: true },
    },
  },
  keys: {
    ...IMAGE_KEYS,
    push: toggle('push', 'Pushes the image.'),
    'push-by-digest': {
      value: 'true',
      help: 'Pushes the image without giving it a tag.',
      set(output, value, { key }) {
        output.pushByDigest = booleanOf(value, key);
        if (output.pushByDigest) output.push = true;
      },
    },
    'registry.insecure': toggle('insecure', 'For pushing: accepts any certificate, and plain http.'),
  },
  check(output) {
    checkForm(output);
    if (output.pushByDigest && output.names === undefined)
      throw usageError('push-by-digest=true needs a name', 'Add name=REGISTRY/REPOSITORY.');
  },
  async keep(job, output) {
    const { made, names } = await imageOf(job, output);
    for (const name of names) job.store.images.put(name, made.target);
    if (names.length === 0) job.store.images.putNameless(made.target);
  },
  async deliver(job, output) {
    if (output.push) await push(job, output);
  },
};

async function push(job: Delivery, output: StoreOutput): Promise<void> {
  const { made, names } = await imageOf(job, output);
  if (names.length === 0) {
    throw new JettisonError('OUTPUT_INVALID', 'an image without a name cannot be pushed', {
      hint: 'Name it: -t REGISTRY/NAME:TAG, or name= in --output.',
      exitCode: EXIT.usage,
    });
  }
  const { pushImage } = await import('../../registry/push.ts');
  const { useRegistries } = await import('../../registry/registries.ts');
  const { env, signal } = job;
  await useRegistries({ env, signal, insecure: output.insecure === true }, async (registries) => {
    for (const name of names) {
      const { tag, ...repository } = parseReference(name);
      const reference = output.pushByDigest
        ? { ...repository, digest: made.target.digest }
        : { ...repository, tag: tag! };
      await reported(job, `push of ${familiarName(name)}`, async (onProgress) => {
        await pushImage(job.store, registries, reference, made.target, onProgress, job.fetchBlob);
      });
    }
  });
}
