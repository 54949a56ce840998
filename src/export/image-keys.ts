import { usageError } from '../errors/error.ts';
import { booleanOf } from '../fields/csv.ts';
import { alwaysTrue, type Key, type Keys } from '../fields/keys.ts';
import type { ImageSet } from '../image/image.ts';
import { canonicalName } from '../image/reference.ts';
import type { Delivery } from './delivery.ts';
import { type Annotations, COMPRESSIONS, type ImageForm, type ImageOptions } from './output.ts';

const LEVELS = { gzip: [0, 9], zstd: [1, 22], uncompressed: [0, 0] } as const;

/** Keys of `--output` for all outputs with an image. */
export const IMAGE_KEYS = {
  name: {
    value: 'NAME[,NAME…]',
    help: 'Names instead of the build\'s tags. Several in quotes: `"name=a,b"`.',
    set(output, value) {
      output.names = value === '' ? [] : value.split(',').map((name) => canonicalName(name));
    },
  },
  compression: {
    value: COMPRESSIONS.join('|'),
    help: 'Compression of the layers that the build made. Bytes of zstd depend on its version.',
    set(output, value) {
      const type = COMPRESSIONS.find((one) => one === value);
      if (type === undefined)
        throw usageError(`unknown compression "${value}"`, `There are ${COMPRESSIONS.join(', ')}.`);
      const form = formOf(output);
      form.compression = { ...form.compression, type };
    },
  },
  'compression-level': {
    value: 'N',
    help: 'gzip: 0 to 9; zstd: 1 to 22.',
    set(output, value) {
      if (!/^\d{1,2}$/.test(value))
        throw usageError(`invalid compression level "${value}"`, 'It is a number.');
      const form = formOf(output);
      form.compression = { type: form.compression?.type ?? 'gzip', level: Number(value) };
    },
  },
  'force-compression': formSwitch('forceCompression', 'Compresses the layers of the base image, too.'),
  'rewrite-timestamp': formSwitch(
    'rewriteTimestamp',
    'In the layers that the build made, files that are newer than SOURCE_DATE_EPOCH get that time.',
  ),
  'annotation.KEY': annotation('manifest', 'An annotation of the manifest; also `annotation-manifest.KEY`.'),
  'annotation-manifest.KEY': annotation('manifest', 'The same.'),
  'annotation-index.KEY': annotation('index', 'An annotation of the index of several platforms.'),
  'annotation-manifest-descriptor.KEY': annotation(
    'manifestDescriptor',
    "An annotation of each platform's entry in the index.",
  ),
  'oci-artifact': formSwitch(
    'ociArtifact',
    'Attestations look like images, as before BuildKit 0.32. Default: they are OCI artifacts.',
    'false',
  ),
  'oci-mediatypes': alwaysTrue('Images have OCI media types.'),
} satisfies Keys<ImageOptions>;

/** Prefixes of `--annotation`. */
export const ANNOTATION_KINDS = {
  manifest: 'manifest',
  index: 'index',
  'manifest-descriptor': 'manifestDescriptor',
} as const satisfies Record<string, keyof Annotations>;

export function annotate(output: ImageOptions, kind: keyof Annotations, key: string, value: string): void {
  const form = formOf(output);
  form.annotations = { ...form.annotations, [kind]: { ...form.annotations?.[kind], [key]: value } };
}

/** @throws JettisonError with exit code 2 for a level that the compression does not have */
export function checkForm({ form }: ImageOptions): void {
  const { type, level } = form?.compression ?? {};
  if (type === undefined || level === undefined) return;
  const [least, most] = LEVELS[type];
  if (level >= least && level <= most) return;
  throw usageError(
    `${type} has no level ${level}`,
    type === 'uncompressed' ? 'Leave it out.' : `Its levels are ${least} to ${most}.`,
  );
}

/** The image in an output's form, and its names there. */
export async function imageOf(
  job: Delivery,
  output: ImageOptions,
): Promise<{ made: ImageSet; names: string[] }> {
  return { made: await job.maker.make(output.form), names: output.names ?? job.tags };
}

function formOf(output: ImageOptions): ImageForm {
  output.form ??= {};
  return output.form;
}

function formSwitch(
  option: 'forceCompression' | 'rewriteTimestamp' | 'ociArtifact',
  help: string,
  value = 'true',
): Key<ImageOptions> {
  return {
    value,
    help,
    set(output, text, { key }) {
      formOf(output)[option] = booleanOf(text, key);
    },
  };
}

function annotation(kind: keyof Annotations, help: string): Key<ImageOptions> {
  return {
    value: 'VALUE',
    help,
    set(output, value, { rest }) {
      annotate(output, kind, rest, value);
    },
  };
}
