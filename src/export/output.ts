import type { Writable } from 'node:stream';
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

/** The name of a destination in progress and messages. */
export function destinationName(to: Destination): string {
  return 'path' in to ? to.path : 'standard output';
}

/** Options of every output that is an image. */
export interface ImageOptions {
  /** Canonical names of the image there; without any, the build's tags count. */
  names?: string[];
  form?: ImageForm;
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

/** The result of a build for one platform. */
export interface BuiltPlatform {
  platform: Platform;
  /** Everything but `rootfs`, which follows from the layers. */
  config: Omit<ImageConfig, 'rootfs'>;
  /** Lowest first. */
  layers: ExportLayer[];
  /** All that is in the image, in canonical order, each file with the place that holds its bytes. */
  files(): Promise<RecipeEntry[]>;
}
