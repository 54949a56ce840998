import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, type Digest } from '../image/digest.ts';
import { type Descriptor, MEDIA } from '../image/types.ts';
import type { StoreLayout } from './layout.ts';
import { readJson } from './read-json.ts';
import { readNames, writeWhole } from './temporary.ts';

/** An image of the store: a manifest (or an index of them) and the name that stands for it. */
export interface StoredImage {
  /** Canonical, e.g. `docker.io/library/app:latest`; absent for an image without a name. */
  name?: string;
  manifest: Descriptor;
  /** When the name was given, RFC 3339. */
  updated: string;
}

/** What the images are called. One file a name is the truth; `index.json` is made from them. */
export class Images {
  constructor(private readonly layout: StoreLayout) {}

  /** All images, sorted by name; those without a name last. */
  list(): StoredImage[] {
    const images: StoredImage[] = [];
    for (const file of readNames(this.layout.images).sort()) {
      const image = this.readFile(file);
      if (image !== undefined) images.push(image);
    }
    return images.sort((a, b) => compare(a.name ?? '\uffff', b.name ?? '\uffff'));
  }

  /** @param name canonical */
  get(name: string): StoredImage | undefined {
    return this.readFile(fileName(name));
  }

  /** Gives an image a name, taking the name from whatever had it. */
  put(name: string, manifest: Descriptor): void {
    if (this.get(name)?.manifest.digest === manifest.digest && this.isIndexed(fileName(name))) return;
    this.write(fileName(name), { name, manifest: bare(manifest), updated: new Date().toISOString() });
    // A name makes the nameless entry of the same image superfluous.
    rmSync(join(this.layout.images, namelessFile(manifest.digest)), { force: true });
    this.writeIndex();
  }

  /** Keeps an image that has no name. */
  putNameless(manifest: Descriptor): void {
    if (this.list().some((image) => image.manifest.digest === manifest.digest)) return;
    this.write(namelessFile(manifest.digest), {
      manifest: bare(manifest),
      updated: new Date().toISOString(),
    });
    this.writeIndex();
  }

  /** Forgets a name, or a nameless image. Its blobs go with the next pruning. */
  remove(image: StoredImage): void {
    const file = image.name === undefined ? namelessFile(image.manifest.digest) : fileName(image.name);
    rmSync(join(this.layout.images, file), { force: true });
    this.writeIndex();
  }

  /** Forgets names of which a power failure left no more than the name. */
  discardDamaged(): void {
    for (const file of this.damaged()) rmSync(join(this.layout.images, file), { force: true });
  }

  /** Files that name no image any more. */
  damaged(): string[] {
    return readNames(this.layout.images).filter((file) => this.readFile(file) === undefined);
  }

  private write(file: string, image: StoredImage): void {
    writeWhole(this.layout, join(this.layout.images, file), canonicalJson(image));
  }

  /** Another process may remove a name at any time. */
  private readFile(file: string): StoredImage | undefined {
    return readJson(join(this.layout.images, file));
  }

  /** Whether `index.json` was written after a name: whoever gave it may have been killed in between. */
  private isIndexed(file: string): boolean {
    const named = statSync(join(this.layout.images, file), { throwIfNoEntry: false });
    const index = statSync(this.layout.index, { throwIfNoEntry: false });
    return named !== undefined && index !== undefined && index.size > 0 && index.mtimeMs >= named.mtimeMs;
  }

  /**
   * Writes `index.json` until it says what the folder says: of two processes that write at once the last one
   * sees both names, since each looks again after writing.
   */
  private writeIndex(): void {
    for (let written = ''; ; ) {
      const manifests = this.list().map(({ name, manifest }) => ({
        ...manifest,
        ...(name === undefined
          ? {}
          : { annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name } }),
      }));
      const text = canonicalJson({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests });
      if (text === written) return;
      writeWhole(this.layout, this.layout.index, text);
      written = text;
    }
  }
}

function bare({ mediaType, digest, size, platform }: Descriptor): Descriptor {
  return { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) };
}

function fileName(name: string): string {
  return `${encodeURIComponent(name)}.json`;
}

function namelessFile(digest: Digest): string {
  return `${encodeURIComponent(digest)}.nameless.json`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
