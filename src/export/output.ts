import type { Writable } from 'node:stream';
import type { ImageConfig, Platform } from '../image/types.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import type { LayerBlob } from '../store/layers.ts';

export const COMPRESSIONS = ['gzip', 'zstd', 'uncompressed'] as const;
export type CompressionType = (typeof COMPRESSIONS)[number];

/** Compression of layers. The level is the compressor's; absent: its default. */
export interface LayerCompression {
  type: CompressionType;
  level?: number;
}

/** Annotations by their place. Those of an index are ignored without an index. */
export interface Annotations {
  manifest?: Record<string, string>;
  index?: Record<string, string>;
  manifestDescriptor?: Record<string, string>;
}

/** How an image is written; the same form always gives the same digests. */
export interface ImageForm {
  /** Of the layers that the build made; default: gzip. */
  compression?: LayerCompression;
  /** Also converts layers of the base image with another compression. */
  forceCompression?: boolean;
  /** In layers that the build made, times later than SOURCE_DATE_EPOCH become SOURCE_DATE_EPOCH. */
  rewriteTimestamp?: boolean;
  annotations?: Annotations;
  /** Whether attestations are OCI artifacts (the default), or look like images. */
  ociArtifact?: boolean;
}

/** A file, relative to the working directory, or a stream; the stream is not ended. */
export type Destination = { path: string } | { stream: Writable };

/** The name of a destination in progress and messages. */
export function destinationName(to: Destination): string {
  return 'path' in to ? to.path : 'standard output';
}

/** Options of every output that is an image. */
export interface ImageOptions {
  /** Canonical names of the image there; absent: the build's tags. */
  names?: string[];
  form?: ImageForm;
}

/** Times of the files in packed layers, in seconds since 1970. */
export interface LayerTimes {
  /** Later times become this. */
  clampTime?: number;
  /** All times become this. */
  setTime?: number;
}

/** A layer of a built image, as outputs need it. */
export interface ExportLayer {
  /** Of its record in the store. */
  readonly id: string;
  blob(): Promise<LayerBlob>;
  /** Packs it with other times. Absent for a layer of the base image. */
  repack?(times: LayerTimes): Promise<LayerBlob>;
}

/** The result of a build for one platform. */
export interface BuiltPlatform {
  platform: Platform;
  /** Without `rootfs`, which follows from the layers. */
  config: Omit<ImageConfig, 'rootfs'>;
  /** Lowest first. */
  layers: ExportLayer[];
  /** All entries of the image in canonical order, each file with the source of its content. */
  files(): Promise<RecipeEntry[]>;
}
