import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { JettisonError } from '../../errors/error.ts';
import { ArchiveTree } from '../../layer/archive-tree.ts';
import { decompress } from '../../layer/decompress.ts';
import type { Source } from '../../layer/entry.ts';
import { diskPath } from '../../layer/names.ts';
import { TarReader } from '../../layer/tar-read.ts';
import { Layers } from '../../store/layers.ts';
import type { WorkerContext } from '../worker-context.ts';
import { indexOf } from '../worker-context.ts';
import { contentPath, formWithContent, READ_FLAGS } from './content.ts';

interface ReadRequest {
  source: Source;
  /** Bytes. */
  limit: number;
}

/**
 * The content of one small file. Reads from the blob if the layer has no directory form.
 *
 * @throws JettisonError `FILE_TOO_LARGE` when it is larger than the limit
 */
export async function read(ctx: WorkerContext, { source, limit }: ReadRequest): Promise<Uint8Array> {
  if (source.kind === 'inline') return Buffer.from(source.data, 'base64');
  if (source.kind === 'layer' && formWithContent(ctx, source.layer) === undefined) {
    return readFromBlob(ctx, source, limit);
  }
  const path = contentPath(ctx, source);
  const fd = openSync(diskPath(path), READ_FLAGS);
  try {
    const { size } = fstatSync(fd);
    if (size > limit) throw tooLarge(path, limit);
    const data = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const count = readSync(fd, data, length, size - length, null);
      if (count === 0) break;
      length += count;
    }
    return data.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** Copies a file of a layer's directory to a new file; the kernel may share the blocks. */
export async function copyOut(
  ctx: WorkerContext,
  { source, path }: { source: Source & { kind: 'layer' }; path: string },
): Promise<void> {
  const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
  await copyFile(diskPath(contentPath(ctx, source)), path, flags);
  await chmod(path, 0o600);
}

/** Reads a file from a layer's tar. The last member of that name counts. */
async function readFromBlob(
  ctx: WorkerContext,
  source: Source & { kind: 'layer' },
  limit: number,
): Promise<Buffer> {
  const { layout } = ctx;
  const entry = indexOf(ctx, source.layer).get(source.path);
  const wanted = entry?.type === 'hardlink' ? entry.link! : source.path;
  if (entry === undefined) throw new Error(`layer ${source.layer} has no file ${source.path}`);
  if (entry.size > limit) throw tooLarge(source.path, limit);
  const packed = new Layers(layout).blob(source.layer);
  if (packed === undefined) throw new Error(`layer ${source.layer} has neither a directory nor a blob`);

  const tree = new ArchiveTree({ whiteouts: true });
  let found: Buffer[] = [];
  let taking = false;
  const reader = new TarReader({
    entry: (header) => {
      taking = tree.add(header).path === wanted && header.type === 'file';
      if (taking) found = [];
    },
    data: (chunk) => {
      if (taking) found.push(Buffer.from(chunk));
    },
    end: () => {},
  });
  const stream = createReadStream(layout.blob(packed.blob.digest), { highWaterMark: 1 << 20 });
  for await (const chunk of decompress(stream)) reader.write(chunk);
  return Buffer.concat(found);
}

function tooLarge(path: string, limit: number): JettisonError {
  return new JettisonError('FILE_TOO_LARGE', `${path} is larger than ${limit} bytes`);
}
