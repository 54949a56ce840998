import type { Writable } from 'node:stream';
import { EXIT, JettisonError } from '../errors/error.ts';
import type { ImageConfig, Platform } from '../image/types.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import type { LayerBlob } from '../store/layers.ts';

export const COMPRESSIONS = ['gzip', 'zstd', 'uncompressed'] as const;
export type CompressionType = (typeof COMPRESSIONS)[number];

/** How layers are compressed. The level is the compressor's own; without one, its default. */
export interface LayerCompression {
  type: CompressionType;
  level?: number;
}

/** Annotations, by what they are put on. Those of an index only count where there is one. */
export interface Annotations {
  manifest?: Record<string, string>;
  index?: Record<string, string>;
  manifestDescriptor?: Record<string, string>;
}

/** How an image is written; the same form always gives the same digests. */
export interface ImageForm {
  /** Of the layers that the build made; default: gzip. */
  compression?: LayerCompression;
  /** Compress the layers of the base anew, too, where they have another compression. */
  forceCompression?: boolean;
  /** Times of files in the layers that the build made become SOURCE_DATE_EPOCH where they are later. */
  rewriteTimestamp?: boolean;
  annotations?: Annotations;
}

/** A file, relative to the working directory, or a stream; the stream is not ended. */
export type Destination = { path: string } | { stream: Writable };

/**
 * Where a build's result goes. `names` are what the image is called there; without any, the build's tags count.
 */
export type Output =
  /** The store, and where wished the registries that the names begin with. */
  | {
      type: 'image';
      names?: string[];
      form?: ImageForm;
      push?: boolean;
      /** Push without giving the image a tag. */
      pushByDigest?: boolean;
      /** Accept any certificate, and plain http. */
      insecure?: boolean;
    }
  /** An archive: see `ArchiveFormat`. */
  | {
      type: 'archive';
      format: 'docker-archive' | 'oci-archive';
      names?: string[];
      form?: ImageForm;
      to: Destination;
    }
  /** A folder that is an OCI image layout. */
  | { type: 'layout'; names?: string[]; form?: ImageForm; path: string }
  /** A running Docker or Podman engine. */
  | { type: 'engine'; names?: string[]; form?: ImageForm }
  /** The files of the image, as a tar that keeps their owners. */
  | { type: 'tar'; to: Destination }
  /** The files of the image, in a folder; they belong to whoever builds. */
  | { type: 'local'; path: string };

/** Whether an output is an image, rather than its files. A type that is not here does not compile. */
const IS_IMAGE = {
  image: true,
  archive: true,
  layout: true,
  engine: true,
  tar: false,
  local: false,
} as const satisfies Record<Output['type'], boolean>;

type ImageType = { [T in Output['type']]: (typeof IS_IMAGE)[T] extends true ? T : never }[Output['type']];

/** An output that is an image, rather than its files. */
export type ImageOutput = Extract<Output, { type: ImageType }>;

/** An output that is the files of the image. */
export type FilesOutput = Exclude<Output, ImageOutput>;

export function isImageOutput(output: Output): output is ImageOutput {
  return IS_IMAGE[output.type];
}

/**
 * Refuses outputs that callers without types may ask for.
 *
 * @throws JettisonError `OUTPUT_INVALID` for an unknown type
 */
export function checkOutputs(outputs: readonly Output[]): void {
  for (const { type } of outputs) if (!Object.hasOwn(IS_IMAGE, type)) throw unknownOutput(type as never);
}

/** What the end of a `switch` over all output types throws: a case that is missing does not compile. */
export function unknownOutput(type: never): JettisonError {
  return new JettisonError('OUTPUT_INVALID', `unknown output type "${String(type)}"`, {
    hint: `The types are ${Object.keys(IS_IMAGE).join(', ')}.`,
    exitCode: EXIT.usage,
  });
}

/** Times of the files in packed layers, in seconds since 1970. */
export interface LayerTimes {
  /** Later ones become this. */
  clampTime?: number;
  /** All become this. */
  setTime?: number;
}

/** A layer of a built image, as outputs need it. */
export interface ExportLayer {
  /** Of its record in the store. */
  readonly id: string;
  blob(): Promise<LayerBlob>;
  /** Packs it with other times. A base's layer cannot: it stays what it is. */
  repack?(times: LayerTimes): Promise<LayerBlob>;
}

/** What a build for one platform came to. */
export interface BuiltPlatform {
  platform: Platform;
  /** Everything but `rootfs`, which follows from the layers. */
  config: Omit<ImageConfig, 'rootfs'>;
  /** Lowest first. */
  layers: ExportLayer[];
  /** All that is in the image, in canonical order, each file with the place that holds its bytes. */
  files(): Promise<RecipeEntry[]>;
}
