import { createHash, type Hash } from 'node:crypto';
import { JettisonError } from '../errors/error.ts';
import type { Layer } from '../image/image.ts';
import { ArchiveTree, type Placement } from '../layer/archive-tree.ts';
import { decompress } from '../layer/decompress.ts';
import { nameOf } from '../layer/entry.ts';
import { encodedPieces } from '../layer/layer-index.ts';
import { type TarHandler, type TarHeader, TarReader } from '../layer/tar-read.ts';
import { readMarker } from '../layer/whiteouts.ts';
import type { Catalogue } from './catalogue.ts';
import { collectGarbage } from './heap.ts';
import { piecesOf, Spool } from './random-access.ts';

/** Bytes of a file that `Catalogue.read` gets at most: lists of packages are smaller. */
const WHOLE_LIMIT = 64 << 20;
/** From here on an index is some 10 MB, and what it is made of several times that. */
const MANY = 50_000;
/** Entries of which the garbage is collected at once: a twentieth of a second, and 30 MB less at the peak. */
const COLLECTED = 20_000;

/** The result of reading a layer, to be stored by its diff id, so that the layer need not be read again. */
export interface LayerFacts {
  /** The bytes of its index, until it is closed. */
  pieces: Iterable<Buffer>;
  /** The facts of files: by catalogue, then by path. */
  facts: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  /** Its entries took much memory, which is free now. */
  isLarge: boolean;
  close(): void;
}

/** Sees every file of a layer while it is read, as the catalogues do. */
export interface FileObserver {
  begin(path: string, size: number): void;
  /** A piece of the file, only valid during the call. */
  write(chunk: Buffer): void;
  end(): void;
}

export interface ScanOptions {
  /** A path for a file that is too large for memory: it exists for a moment only. */
  temporary: () => string;
  signal?: AbortSignal;
  onBytes?: (count: number) => void;
  observer?: FileObserver;
}

/**
 * Reads a layer once, from any source, without unpacking it: makes its index, and passes files to the catalogues.
 *
 * @throws JettisonError `DIGEST_MISMATCH` when it is not the layer that its diff id says
 */
export async function scanLayer(
  layer: Layer,
  catalogues: readonly Catalogue[],
  options: ScanOptions,
): Promise<LayerFacts> {
  const scanner = new Scanner(catalogues, options.temporary, options.observer);
  const reader = new TarReader(scanner);
  const tar = createHash('sha256');
  async function* packed() {
    for await (const chunk of layer.open(options.signal)) {
      options.onBytes?.(chunk.length);
      yield chunk;
    }
  }
  try {
    for await (const chunk of decompress(packed())) {
      options.signal?.throwIfAborted();
      tar.update(chunk);
      reader.write(chunk);
    }
    reader.end();
  } finally {
    scanner.close();
  }
  const diffId = `sha256:${tar.digest('hex')}`;
  if (diffId !== layer.diffId) {
    throw new JettisonError(
      'DIGEST_MISMATCH',
      `the layer ${layer.blob.digest} has the diff id ${diffId}, and its image says ${layer.diffId}`,
      { hint: 'The image is damaged or was made wrong: build, save or push it again.' },
    );
  }
  return scanner.finish();
}

interface Listener {
  data(chunk: Buffer): void;
  end(path: string): void;
  close?(): void;
}

class Scanner implements TarHandler {
  readonly #facts = new Map<string, Map<string, unknown>>();
  #tree = new ArchiveTree({ whiteouts: true });
  #entries = 0;
  #header: TarHeader | undefined;
  #placement: Placement | undefined;
  #hash: Hash | undefined;
  #listeners: Listener[] = [];

  constructor(
    private readonly catalogues: readonly Catalogue[],
    private readonly temporary: () => string,
    private readonly observer: FileObserver | undefined,
  ) {}

  entry(header: TarHeader): void {
    const placement = this.#place(header);
    if (++this.#entries % COLLECTED === 0) collectGarbage();
    this.#header = header;
    this.#placement = placement;
    this.close();
    const { path } = placement;
    if (path === undefined || header.type !== 'file') return;
    this.#hash = createHash('sha256');
    this.observer?.begin(path, header.size);
    for (const catalogue of this.catalogues) {
      // A later member of the same name counts.
      this.#facts.get(catalogue.id)?.delete(path);
      const how = catalogue.wants(path, header.size, header.mode);
      if (how === 'whole' && header.size <= WHOLE_LIMIT) this.#listeners.push(this.#wholeListener(catalogue));
      if (how === 'pieces') this.#listeners.push(this.#pieceListener(catalogue, path, header.size));
      if (how === 'random') this.#listeners.push(this.#randomListener(catalogue, header.size));
    }
  }

  /** Closes the readers of the last file. */
  close(): void {
    for (const listener of this.#listeners) listener.close?.();
    this.#listeners = [];
  }

  /** Ignores a whiteout below a path that the layer has made a file, which has no effect: umoci writes some. */
  #place(header: TarHeader): Placement {
    try {
      return this.#tree.add(header);
    } catch (error) {
      const isMarker = readMarker(nameOf(header.name)) !== undefined;
      if (!isMarker || !(error instanceof JettisonError) || error.code !== 'TAR_INVALID') throw error;
      return { parents: [], replaces: false, content: () => {} };
    }
  }

  data(chunk: Buffer): void {
    this.#hash?.update(chunk);
    if (this.#placement?.path !== undefined) this.observer?.write(chunk);
    for (const listener of this.#listeners) listener.data(chunk);
  }

  end(): void {
    const { path, content } = this.#placement!;
    if (path === undefined || this.#header!.type !== 'file') return;
    content(this.#hash!.digest('hex'));
    this.observer?.end();
    for (const listener of this.#listeners) listener.end(path);
  }

  /** What was read, whose entries are then forgotten: an index is in memory once at most. */
  finish(): LayerFacts {
    const entries = this.#tree.entries();
    this.#tree = new ArchiveTree({ whiteouts: true });
    this.#placement = undefined;
    const facts = this.#facts;
    if (this.#entries < MANY)
      return { pieces: [...encodedPieces(entries)], facts, isLarge: false, close: () => {} };
    const spool = new Spool(Number.POSITIVE_INFINITY, this.temporary);
    for (const piece of encodedPieces(entries)) spool.write(piece);
    return { pieces: piecesOf(spool.content), facts, isLarge: true, close: () => spool.close() };
  }

  #wholeListener(catalogue: Catalogue): Listener {
    const chunks: Buffer[] = [];
    return {
      data: (chunk) => chunks.push(Buffer.from(chunk)),
      end: (path) => this.#note(catalogue, path, catalogue.read?.(path, Buffer.concat(chunks))),
    };
  }

  #pieceListener(catalogue: Catalogue, path: string, size: number): Listener {
    const scan = catalogue.scan!(path, size);
    return {
      data: (chunk) => scan.data(chunk),
      end: (end) => this.#note(catalogue, end, scan.end()),
    };
  }

  #randomListener(catalogue: Catalogue, size: number): Listener {
    const spool = new Spool(size, this.temporary);
    return {
      data: (chunk) => spool.write(chunk),
      end: (path) => this.#note(catalogue, path, catalogue.lookInto?.(path, spool.content)),
      close: () => spool.close(),
    };
  }

  #note({ id }: Catalogue, path: string, fact: unknown): void {
    if (fact === undefined) return;
    const facts = this.#facts.get(id) ?? new Map<string, unknown>();
    this.#facts.set(id, facts.set(path, fact));
  }
}
