import { JettisonError } from '../errors/error.ts';
import { canonicalJson, type Digest } from '../image/digest.ts';
import type { ImageSet } from '../image/image.ts';
import { blobName, CONTAINERD_NAME, LAYOUT_MARKER, layoutIndex, REF_NAME } from '../image/layout.ts';
import { familiarName } from '../image/reference.ts';
import type { Index } from '../image/types.ts';
import type { Entry } from '../layer/entry.ts';
import { TAR_END, tarHeader, tarPadding } from '../layer/tar-write.ts';
import type { DockerEntry } from '../layout/docker-manifest.ts';
import { isIndex } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';

/**
 * `oci-archive` is an OCI image layout in a tar. `docker-archive` is the same with Docker's `manifest.json`
 * beside it, as Docker writes since version 25; older versions, podman and skopeo read it, too.
 */
export type ArchiveFormat = 'docker-archive' | 'oci-archive';

export interface ArchiveImage extends ImageSet {
  /** Canonical names that the archive gives it; an image may go without. */
  names: string[];
}

/**
 * The bytes of an archive of some images. Each blob is in it once, as the store has it; the same images
 * always give the same bytes.
 *
 * @param omit layers whose blobs are left out: the reader has them
 * @throws JettisonError `BLOB_MISSING` before the first byte, when a layer has never been fetched
 */
export async function* writeArchive(
  store: Store,
  images: ArchiveImage[],
  format: ArchiveFormat,
  omit: ReadonlySet<Digest> = new Set(),
): AsyncGenerator<Buffer> {
  const blobs = blobsOf(store, images, omit);
  yield* directory('blobs');
  yield* directory('blobs/sha256');
  for (const [digest, size] of [...blobs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    yield header(blobName(digest), size);
    let written = 0;
    for await (const chunk of store.blobs.stream(digest) as AsyncIterable<Buffer>) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new JettisonError('DIGEST_MISMATCH', `the blob ${digest} has changed`);
    yield Buffer.alloc(tarPadding(size));
  }
  yield* text('index.json', canonicalJson(indexOf(images)));
  if (format === 'docker-archive') yield* text('manifest.json', canonicalJson(dockerManifest(images)));
  yield* text('oci-layout', LAYOUT_MARKER);
  yield TAR_END;
}

/** Every blob of the images with its size. */
function blobsOf(store: Store, images: ArchiveImage[], omit: ReadonlySet<Digest>): Map<Digest, number> {
  const blobs = new Map<Digest, number>();
  for (const { target } of images) if (isIndex(target)) blobs.set(target.digest, target.size);
  for (const { descriptor, manifest } of images.flatMap((one) => one.images)) {
    for (const { digest } of [descriptor, manifest.config, ...manifest.layers]) {
      if (omit.has(digest)) continue;
      const size = store.blobs.size(digest);
      if (size === undefined) {
        throw new JettisonError('BLOB_MISSING', `the store does not hold ${digest}, a part of the image`, {
          hint: 'It has not been fetched yet: pull the image (or the base that it was built on) first.',
        });
      }
      blobs.set(digest, size);
    }
  }
  return blobs;
}

/** `index.json`: an entry for each name, as containerd and podman look for them. */
function indexOf(images: ArchiveImage[]): Index {
  return layoutIndex(
    images.flatMap(({ target: { mediaType, digest, size }, names }) => {
      const bare = { mediaType, digest, size };
      if (names.length === 0) return [bare];
      return names.map((name) => ({
        ...bare,
        annotations: { [CONTAINERD_NAME]: name, [REF_NAME]: name },
      }));
    }),
  );
}

/** Docker's `manifest.json`: an entry for each image, which has one platform. */
function dockerManifest(images: ArchiveImage[]): DockerEntry[] {
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
