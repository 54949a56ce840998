// An OCI layout of an image as large as one likes: one layer of many files in packages of npm, whose contents hardly differ
// from zeros, so that it is small when compressed; and the same image with a second layer that replaces every hundredth file.
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { blobOf, writeLayout } from './layout.mjs';

const BLOCK = 512;
const FILES_PER_PACKAGE = 100;
const REPLACED = 100;

/** Makes the layout; its images are called `1` and `2`. @returns the blob of the first layer, and the path of a file in it */
export async function largeImage(folder, { files, bytes }) {
  const blobs = join(folder, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const each = Math.floor(bytes / files);
  const first = await layerOf(blobs, filesOf(files, each, 1));
  const second = await layerOf(blobs, filesOf(files, each, REPLACED));
  writeLayout(folder, { 1: [first], 2: [first, second] });
  return { layer: blobOf(folder, first.blob.digest), path: pathOf(1) };
}

/** Every `step`th file: path and content, of which the first bytes differ from those of all others. */
function* filesOf(files, bytes, step) {
  const zeros = Buffer.alloc(bytes);
  for (let at = 0; at < files; at += step) {
    const isManifest = at % FILES_PER_PACKAGE === 0;
    const json = { name: nameOf(at), version: `1.0.${step}`, dependencies: dependenciesOf(at) };
    const head = Buffer.from(isManifest ? JSON.stringify(json) : `// ${step} ${at}\n`);
    yield isManifest ? [pathOf(at), head, zeros.subarray(0, 0)] : [pathOf(at), head, zeros];
  }
}

function pathOf(at) {
  const file = at % FILES_PER_PACKAGE;
  return `app/node_modules/${nameOf(at)}/${file === 0 ? 'package.json' : `lib/group-${file % 10}/part-${file}.js`}`;
}

function nameOf(at) {
  return `package-${Math.floor(at / FILES_PER_PACKAGE)}`;
}

/** Each package asks for the next one. */
function dependenciesOf(at) {
  return { [nameOf(at + FILES_PER_PACKAGE)]: '^1.0.0' };
}

function* tarOf(files) {
  for (const [path, head, rest] of files) {
    const size = head.length + rest.length;
    yield headerOf(path, size);
    yield head;
    if (rest.length > 0) yield rest;
    yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** A header of ustar. */
function headerOf(path, size) {
  const header = Buffer.alloc(BLOCK);
  const octal = (value, offset, width) => header.write(value.toString(8).padStart(width - 1, '0'), offset);
  header.write(path);
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  header.write('        0', 148);
  header.write('ustar\u000000', 257);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return header;
}

async function layerOf(blobs, files) {
  const diffId = createHash('sha256');
  const digest = createHash('sha256');
  let size = 0;
  const temporary = join(blobs, 'layer');
  const hashing = (hash) =>
    async function* (chunks) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        if (hash === digest) size += chunk.length;
        yield chunk;
      }
    };
  await pipeline(
    Readable.from(tarOf(files), { objectMode: false }),
    hashing(diffId),
    createGzip({ level: 1 }),
    hashing(digest),
    createWriteStream(temporary),
  );
  const hex = digest.digest('hex');
  renameSync(temporary, join(blobs, hex));
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  return { blob: { mediaType, digest: `sha256:${hex}`, size }, diffId: `sha256:${diffId.digest('hex')}` };
}
