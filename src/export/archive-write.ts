import { JettisonError } from '../errors/error.ts';
import { canonicalJson, type Digest } from '../image/digest.ts';
import { blobName, LAYOUT_MARKER, layoutIndex } from '../image/layout.ts';
import { familiarName } from '../image/reference.ts';
import type { Entry } from '../layer/entry.ts';
import { TAR_END, tarHeader, tarPadding } from '../layer/tar-write.ts';
import type { DockerEntry } from '../layout/docker-manifest.ts';
import type { Store } from '../store/store.ts';
import { blobsOf, entriesOf, type NamedSet } from './layout-content.ts';

/**
 * `oci-archive` is an OCI image layout in a tar. `docker-archive` also has Docker's `manifest.json`, as written by
 * Docker since version 25; older versions, Podman and skopeo can read it.
 */
export type ArchiveFormat = 'docker-archive' | 'oci-archive';

/**
 * The bytes of an archive of images. Each blob is in it once, as in the store; the same images always give the same
 * bytes.
 *
 * @param omit layers whose blobs are left out, since the reader has them
 * @throws JettisonError `BLOB_MISSING` before the first byte, when the store lacks a layer
 */
export async function* writeArchive(
  store: Store,
  images: NamedSet[],
  format: ArchiveFormat,
  omit: ReadonlySet<Digest> = new Set(),
): AsyncGenerator<Buffer> {
  const blobs = blobsOf(store, images, omit);
  yield* directory('blobs');
  yield* directory('blobs/sha256');
  for (const { digest, size } of blobs) {
    yield header(blobName(digest), size);
    let written = 0;
    for await (const chunk of store.blobs.stream(digest) as AsyncIterable<Buffer>) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new JettisonError('DIGEST_MISMATCH', `the blob ${digest} has changed`);
    yield Buffer.alloc(tarPadding(size));
  }
  yield* text('index.json', canonicalJson(layoutIndex(entriesOf(images))));
  if (format === 'docker-archive') yield* text('manifest.json', canonicalJson(dockerManifest(images)));
  yield* text('oci-layout', LAYOUT_MARKER);
  yield TAR_END;
}

/** Docker's `manifest.json`: an entry per image. Each image has one platform. */
function dockerManifest(images: NamedSet[]): DockerEntry[] {
  return images.map(({ images: [image], names }) => ({
    Config: blobName(image!.id),
    RepoTags: names.length === 0 ? null : names.map((name) => familiarName(name)),
    Layers: image!.manifest.layers.map(({ digest }) => blobName(digest)),
  }));
}

function* directory(path: string): Generator<Buffer> {
  yield tarHeader({ ...PLAIN, path, type: 'directory', mode: 0o755 });
}

function* text(path: string, content: string): Generator<Buffer> {
  const bytes = Buffer.from(content);
  yield header(path, bytes.length);
  yield bytes;
  yield Buffer.alloc(tarPadding(bytes.length));
}

function header(path: string, size: number): Buffer {
  return tarHeader({ ...PLAIN, path, size });
}

const PLAIN: Entry = { path: '', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 };
