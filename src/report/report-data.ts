import type { ImageDescription } from '../inspect/describe.ts';
import type { OriginLink } from '../inspect/origins.ts';

/** A link of such a chain. */
export type Origin = Omit<OriginLink, 'path'>;

/** The files of an image, a column a fact: one position, one file. Canonical order. */
export interface FileColumns {
  /** Directories that have files, relative to the root; `''` is the root. */
  directories: string[];
  /** Of each file: a position in `directories`. */
  directory: number[];
  name: string[];
  bytes: number[];
  /** A position in `KINDS`. */
  kind: number[];
  layer: number[];
  /** A position in the image's `packages`, or -1. */
  package: number[];
  /** A position in the image's `origins`, or -1. */
  origin: number[];
  /**
   * The first image of the report that has the same content at the same path: a position in `images`. Only with two
   * images or more.
   */
  content?: number[];
}

export interface ReportImage extends Omit<ImageDescription, 'files'> {
  files: FileColumns;
  /** By which instructions files came in, the last one first: chains that several files share. */
  origins: Origin[][];
}

/** Columns that are made while they are written, one after the other, so that memory never holds them. */
export type WrittenColumns = {
  [Column in keyof FileColumns]: Iterable<NonNullable<FileColumns[Column]>[number]>;
};

export interface WrittenReport extends Omit<ReportData, 'images'> {
  images: (Omit<ReportImage, 'files'> & { files: WrittenColumns })[];
}

/** Everything that a report shows: the page gets it as gzipped JSON in base64. */
export interface ReportData {
  /** Of Jettison. */
  version: string;
  /** In the order of the command line: of two, the first is "before". */
  images: ReportImage[];
}
