import { createHash, type Hash, hash } from 'node:crypto';
import { closeSync, existsSync, openSync, rmSync, statSync } from 'node:fs';
import { JettisonError } from '../../errors/error.ts';
import type { Digest } from '../../image/digest.ts';
import { MEDIA } from '../../image/types.ts';
import { ArchiveTree, type Placement } from '../../layer/archive-tree.ts';
import { type Compression, compressionOf, decompress } from '../../layer/decompress.ts';
import type { Entry } from '../../layer/entry.ts';
import { readRegularFile } from '../../layer/host-file.ts';
import { encodeIndex, LayerIndex } from '../../layer/layer-index.ts';
import { diskPath } from '../../layer/names.ts';
import { type TarHandler, type TarHeader, TarReader } from '../../layer/tar-read.ts';
import type { UnpackRequest } from '../../protocol/operations.ts';
import {
  installBlob,
  installDirectory,
  installLayer,
  type LayerRecord,
  Layers,
  layerRecord,
} from '../../store/layers.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { writeAll } from '../file-io.ts';
import type { WorkerContext } from '../worker-context.ts';
import { LayerDirectory } from './layer-directory.ts';

const MEDIA_TYPES: Partial<Record<Compression, string>> = {
  none: MEDIA.ociLayer,
  gzip: MEDIA.ociLayerGzip,
  zstd: MEDIA.ociLayerZstd,
};

/**
 * Reads a tar, compressed or not, into a layer of the store in one pass: digests of the file and of the tar, the index
 * with every file's digest, and the directory form if requested. Keeps forms that the layer already has.
 *
 * @throws JettisonError `DIGEST_MISMATCH` when a digest is not the expected one; then nothing is stored
 * @throws JettisonError `TAR_INVALID`, `TAR_ESCAPES`, `TAR_UNSUPPORTED`, `COMPRESSION_INVALID`
 */
export async function unpack(ctx: WorkerContext, request: UnpackRequest): Promise<LayerRecord> {
  const { layout } = ctx;
  const { id } = request.layer;
  const layers = new Layers(layout);
  const known = layers.record(id);
  const [form] = ctx.forms;
  const wantsDirectory = request.directory && !layers.hasDirectory(id, form);
  if (known !== undefined && !wantsDirectory) return known;

  const root = wantsDirectory ? temporaryPath(layout, 'dir') : undefined;
  const directory = root === undefined ? undefined : new LayerDirectory(root, ctx.overlay);
  const unpacker = new Unpacker(request.whiteouts, directory);
  try {
    const read = await readArchive(request.path, unpacker);
    verify(request, 'digest', read.digest);
    verify(request, 'diffId', read.diffId);
    const index = unpacker.finish();
    if (known !== undefined) {
      installDirectory(layout, id, { path: root!, form });
      return known;
    }
    const record = installLayer(layout, {
      record: layerRecord(request.layer, index),
      index: index.bytes,
      ...(root === undefined ? {} : { directory: { path: root, form } }),
    });
    const mediaType = MEDIA_TYPES[read.compression];
    if (request.whiteouts && mediaType !== undefined && existsSync(layout.blob(read.digest))) {
      const { diffId, digest, size } = read;
      installBlob(layout, id, { diffId, blob: { mediaType, digest, size } });
    }
    return record;
  } catch (error) {
    unpacker.abandon();
    if (root !== undefined) rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Unpacks a tar, compressed or not, into a directory outside any layer.
 *
 * @param root absolute path; made here
 * @returns the digest of the uncompressed tar
 * @throws JettisonError `TAR_INVALID`, `TAR_ESCAPES`, `TAR_UNSUPPORTED`, `COMPRESSION_INVALID`
 */
export async function unpackTree(ctx: WorkerContext, path: string, root: string): Promise<Digest> {
  const unpacker = new Unpacker(false, new LayerDirectory(root, ctx.overlay));
  try {
    const { diffId } = await readArchive(path, unpacker);
    unpacker.finish();
    return diffId;
  } catch (error) {
    unpacker.abandon();
    throw error;
  }
}

interface ReadArchive {
  digest: Digest;
  diffId: Digest;
  size: number;
  compression: Compression;
}

/** Feeds a tar, compressed or not, to a handler. */
async function readArchive(path: string, handler: TarHandler): Promise<ReadArchive> {
  const whole = createHash('sha256');
  let size = 0;
  let compression: Compression | undefined;
  async function* content(): AsyncGenerator<Buffer> {
    for await (const chunk of readRegularFile(path)) {
      compression ??= compressionOf(chunk as Buffer);
      whole.update(chunk as Buffer);
      size += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  }
  const tar = createHash('sha256');
  const reader = new TarReader(handler);
  for await (const chunk of decompress(content())) {
    tar.update(chunk);
    reader.write(chunk);
  }
  reader.end();
  const diffId: Digest = `sha256:${tar.digest('hex')}`;
  const actualSize = statSync(diskPath(path)).size;
  if (actualSize !== size) {
    // The decompressor stopped before the end of the file, but the digest covers the whole file.
    const again = createHash('sha256');
    for await (const chunk of readRegularFile(path)) again.update(chunk as Buffer);
    return { digest: `sha256:${again.digest('hex')}`, diffId, size: actualSize, compression: compression! };
  }
  return { digest: `sha256:${whole.digest('hex')}`, diffId, size, compression: compression ?? 'none' };
}

function verify(request: UnpackRequest, what: 'digest' | 'diffId', actual: Digest): void {
  const expected = request.expect?.[what];
  if (expected === undefined || expected === actual) return;
  const name = what === 'digest' ? 'digest' : 'diff id';
  throw new JettisonError('DIGEST_MISMATCH', `the ${name} of a layer is ${actual} instead of ${expected}`, {
    hint: 'The stored or received data is damaged: remove it and fetch it again.',
    details: { path: request.path, expected, actual },
  });
}

/** Collects the members of a tar into an index, and writes them to a directory if requested. */
class Unpacker implements TarHandler {
  readonly #tree: ArchiveTree;
  readonly #directory: LayerDirectory | undefined;
  #header: TarHeader | undefined;
  #placement: Placement | undefined;
  #fd: number | undefined;
  #hash: Hash | undefined;
  #digest: string | undefined;

  constructor(whiteouts: boolean, directory: LayerDirectory | undefined) {
    this.#tree = new ArchiveTree({ whiteouts });
    this.#directory = directory;
  }

  entry(header: TarHeader): void {
    const placement = this.#tree.add(header);
    this.#placement = placement;
    this.#header = header;
    if (this.#directory === undefined) return;
    for (const parent of placement.parents) this.#directory.makeDirectory(parent);
    const { path } = placement;
    if (path === undefined) return;
    if (placement.replaces) this.#directory.remove(path);
    const entry = entryOf(header, path);
    if (placement.linkTo !== undefined) this.#link(placement.linkTo, entry);
    else if (header.type === 'file') this.#fd = openSync(diskPath(this.#directory.path(path)), 'wx', 0o600);
    else if (header.type === 'directory') this.#makeDirectory(path);
    else this.#directory.makeSpecial(entry);
  }

  data(chunk: Buffer): void {
    if (this.#placement!.path === undefined) return;
    if (this.#fd !== undefined) writeAll(this.#fd, chunk);
    if (this.#hash === undefined && chunk.length === this.#header!.size) {
      this.#digest = hash('sha256', chunk, 'hex');
    } else {
      this.#hash ??= createHash('sha256');
      this.#hash.update(chunk);
    }
  }

  end(): void {
    const { path, content } = this.#placement!;
    if (path !== undefined && this.#header!.type === 'file') {
      content(this.#digest ?? (this.#hash ?? createHash('sha256')).digest('hex'));
      if (this.#fd !== undefined) {
        this.#directory!.setFileMetadata(this.#fd, entryOf(this.#header!, path));
        closeSync(this.#fd);
      }
    }
    this.#fd = undefined;
    this.#hash = undefined;
    this.#digest = undefined;
  }

  /** Returns the index, and sets the metadata of directories in the directory form. */
  finish(): LayerIndex {
    const entries = [...this.#tree.entries()];
    if (this.#directory !== undefined) {
      for (const entry of entries) if (entry.type === 'whiteout') this.#directory.makeSpecial(entry);
      this.#directory.finish(
        entries.filter((entry) => entry.type === 'directory'),
        this.#tree.implied(),
      );
    }
    return LayerIndex.parse(encodeIndex(entries));
  }

  /** Closes open files after a failure. */
  abandon(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #makeDirectory(path: string): void {
    if (path === '' || existsSync(diskPath(this.#directory!.path(path)))) return;
    this.#directory!.makeDirectory(path);
  }

  #link(existing: { path: string; type: Entry['type'] }, entry: Entry): void {
    try {
      this.#directory!.link(existing.path, entry.path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A link to a device that was left out.
      if (code === 'ENOENT') return;
      // The same link once more.
      if (code !== 'EEXIST') throw error;
    }
    this.#directory!.setMetadata({ ...entry, type: existing.type });
  }
}

function entryOf(header: TarHeader, path: string): Entry {
  const { name: _, ...facts } = header;
  return { path, ...facts };
}
