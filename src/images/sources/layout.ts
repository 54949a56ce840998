import { createReadStream, lstatSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { JettisonError } from '../../errors/error.ts';
import { checkLimit, type LimitName } from '../../errors/limits.ts';
import { type Digest, isDigest } from '../../image/digest.ts';
import { readIndex } from '../../image/sound.ts';
import { chooseManifest } from '../choose-manifest.ts';
import { imageOf } from '../parts.ts';
import type { OpenSource } from '../source.ts';

/**
 * An image of an OCI layout: `oci:DIR[:TAG]`.
 *
 * @throws JettisonError `OCI_LAYOUT`, `DIGEST_MISMATCH`, `PLATFORM_MISSING`
 */
export const open: OpenSource = async (text, { cwd, platform }) => {
  const { folder, which } = split(text.slice('oci:'.length), cwd);
  const read = (name: string, limit: LimitName) => readSmall(folder, name, limit);
  const index = readIndex(read('index.json', 'manifest-size'), `index.json of ${folder}`);
  const target = chooseManifest(index.manifests, { which, name: folder });
  return imageOf(
    {
      name: folder,
      document: async (digest, limit) => read(blobName(folder, digest), limit),
      open: ({ digest }) => readBlob(folder, blobName(folder, digest)),
    },
    target,
    { label: text, platform },
  );
};

async function* readBlob(folder: string, name: string): AsyncGenerator<Buffer> {
  checkFile(folder, name);
  for await (const chunk of createReadStream(join(folder, name), { highWaterMark: 1 << 20 }))
    yield chunk as Buffer;
}

function readSmall(folder: string, name: string, limit: LimitName): Buffer {
  checkLimit(limit, checkFile(folder, name), `${name} of ${folder}`, 'OCI_LAYOUT');
  return readFileSync(join(folder, name));
}

/** What others wrote may be a pipe, or a link to anywhere. @returns its size in bytes */
function checkFile(folder: string, name: string): number {
  const stat = lstatSync(join(folder, name), { throwIfNoEntry: false });
  if (stat?.isFile()) return stat.size;
  throw new JettisonError(
    'OCI_LAYOUT',
    `${folder} is not an OCI layout: ${name} is ${stat === undefined ? 'missing' : 'not a file'}`,
    {
      hint: 'Give a folder with an index.json and blobs/, as `jettison build -o type=oci,tar=false,dest=DIR` writes it.',
    },
  );
}

/** `DIR[:TAG]`: a folder may have a colon in its name. */
function split(text: string, cwd: string): { folder: string; which?: string } {
  const folder = resolve(cwd, text);
  const colon = text.lastIndexOf(':');
  if (colon < 1 || statSync(folder, { throwIfNoEntry: false }) !== undefined) return { folder };
  return { folder: resolve(cwd, text.slice(0, colon)), which: text.slice(colon + 1) };
}

function blobName(folder: string, digest: Digest): string {
  if (!isDigest(digest))
    throw new JettisonError('OCI_LAYOUT', `${folder} names a blob "${digest}", which is not a digest`);
  return join('blobs', ...digest.split(':'));
}
