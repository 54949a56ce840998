import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { canonicalJson, type Digest, isDigest } from '../image/digest.ts';
import { familiarName } from '../image/reference.ts';
import { type Descriptor, type Index, MEDIA } from '../image/types.ts';
import type { StoreLayout } from './layout.ts';
import { readJson } from './read-json.ts';
import { lookAtRecord, recordText } from './record-file.ts';
import { readNames, writeWhole } from './temporary.ts';

/** An image of the store: a manifest (or an index of them) and the name that stands for it. */
export interface StoredImage {
  /** Canonical, e.g. `docker.io/library/app:latest`; absent for an image without a name. */
  name?: string;
  manifest: Descriptor;
  /** When the name was given, RFC 3339. */
  updated: string;
}

/** The names of images. One file a name is the truth; `index.json` is made from them. */
export class Images {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** All images, sorted by name; those without a name last. */
  list(): StoredImage[] {
    const images: StoredImage[] = [];
    for (const file of readNames(this.#layout.images).sort()) {
      const image = this.#readFile(file);
      if (image !== undefined) images.push(image);
    }
    return images.sort((a, b) => compare(a.name ?? '\uffff', b.name ?? '\uffff'));
  }

  /** The same as `get`, for which a damaged name counts as none: for who is about to give it anew. */
  find(name: string): StoredImage | undefined {
    return this.#readFile(fileName(name));
  }

  /**
   * @param name canonical
   * @throws JettisonError `IMAGE_NAME_DAMAGED`: nothing else may be taken for the image that the name stood for
   */
  get(name: string): StoredImage | undefined {
    const found = this.#lookAt(fileName(name));
    if (found === 'damaged') {
      throw new JettisonError(
        'IMAGE_NAME_DAMAGED',
        `the file of the image name "${familiarName(name)}" is damaged`,
        {
          hint: '`jettison doctor --store --repair` forgets the name; then build, pull or load the image again.',
        },
      );
    }
    return found;
  }

  /** Gives an image a name, taking the name from whatever had it. */
  put(name: string, manifest: Descriptor): void {
    const known = this.find(name);
    if (known?.manifest.digest === manifest.digest && this.#isIndexed(fileName(name))) return;
    this.#write(fileName(name), { name, manifest: bare(manifest), updated: new Date().toISOString() });
    // A name makes the nameless entry of the same image superfluous.
    rmSync(join(this.#layout.images, namelessFile(manifest.digest)), { force: true });
    this.#writeIndex();
  }

  /** Keeps an image that has no name. */
  putNameless(manifest: Descriptor): void {
    if (this.list().some((image) => image.manifest.digest === manifest.digest)) return;
    this.#write(namelessFile(manifest.digest), {
      manifest: bare(manifest),
      updated: new Date().toISOString(),
    });
    this.#writeIndex();
  }

  /** Forgets a name, or a nameless image. Its blobs go with the next pruning. */
  remove(image: StoredImage): void {
    const file = image.name === undefined ? namelessFile(image.manifest.digest) : fileName(image.name);
    rmSync(join(this.#layout.images, file), { force: true });
    this.#writeIndex();
  }

  /** Forgets names whose files a power failure left empty. */
  discardDamaged(): void {
    for (const file of this.damaged()) rmSync(join(this.#layout.images, file), { force: true });
    if (!this.isIndexSound) this.#writeIndex();
  }

  /** Files that name no image any more. */
  damaged(): string[] {
    return readNames(this.#layout.images).filter((file) => this.#readFile(file) === undefined);
  }

  #write(file: string, image: StoredImage): void {
    writeWhole(this.#layout, join(this.#layout.images, file), recordText(image));
  }

  /** Another process may remove a name at any time. */
  #readFile(file: string): StoredImage | undefined {
    const found = this.#lookAt(file);
    return found === 'damaged' ? undefined : found;
  }

  /** A damaged file of a name: `index.json` says the same once more. */
  #lookAt(file: string): StoredImage | 'damaged' | undefined {
    const found = lookAtRecord<StoredImage>(join(this.#layout.images, file), { unsealed: true });
    if (found === 'missing') return undefined;
    if (found !== 'damaged' && isDigest(String(found.manifest?.digest))) return found;
    return this.#fromIndex(file) ?? 'damaged';
  }

  #fromIndex(file: string): StoredImage | undefined {
    const { manifests } = readJson<Partial<Index>>(this.#layout.index) ?? {};
    for (const { annotations, ...manifest } of Array.isArray(manifests) ? manifests : []) {
      const name = annotations?.['io.containerd.image.name'];
      if (!isDigest(String(manifest.digest))) continue;
      if (file !== (name === undefined ? namelessFile(manifest.digest) : fileName(name))) continue;
      const updated = statSync(this.#layout.index).mtime.toISOString();
      return { ...(name === undefined ? {} : { name }), manifest, updated };
    }
    return undefined;
  }

  /**
   * Writes damaged files of names again from `index.json`, where that has them, and `index.json` from the names.
   *
   * @returns the files that were damaged, and whether they could be mended
   */
  repair(): { file: string; mended: boolean }[] {
    const done = this.unsound().map((file) => {
      const image = this.#fromIndex(file);
      if (image === undefined) rmSync(join(this.#layout.images, file), { force: true });
      else this.#write(file, image);
      return { file, mended: image !== undefined };
    });
    this.#writeIndex();
    return done;
  }

  /** Files of names that are damaged, whatever `index.json` says. */
  unsound(): string[] {
    return readNames(this.#layout.images).filter((file) => {
      const found = lookAtRecord<StoredImage>(join(this.#layout.images, file), { unsealed: true });
      return found === 'damaged' || (found !== 'missing' && !isDigest(String(found.manifest?.digest)));
    });
  }

  /** Whether `index.json` says what the names say. */
  get isIndexSound(): boolean {
    try {
      return readFileSync(this.#layout.index, 'utf8') === this.#indexText();
    } catch {
      return false;
    }
  }

  /**
   * Whether `index.json` is merely older than the names: a process was killed, or the disk was full, after a name was
   * written and before `index.json` was. Nothing is lost by that: the names are the truth.
   */
  get isIndexBehind(): boolean {
    const names = statSync(this.#layout.images, { throwIfNoEntry: false });
    const index = statSync(this.#layout.index, { throwIfNoEntry: false });
    return names !== undefined && (index === undefined || index.mtimeMs < names.mtimeMs);
  }

  /** Whether `index.json` was written after a name: a process may have been killed in between. */
  #isIndexed(file: string): boolean {
    const named = statSync(join(this.#layout.images, file), { throwIfNoEntry: false });
    const index = statSync(this.#layout.index, { throwIfNoEntry: false });
    return named !== undefined && index !== undefined && index.size > 0 && index.mtimeMs >= named.mtimeMs;
  }

  /**
   * Writes `index.json` until it says what the folder says: of two processes that write at once the last one
   * sees both names, since each looks again after writing.
   */
  #writeIndex(): void {
    for (let written = ''; ; ) {
      const text = this.#indexText();
      if (text === written) return;
      writeWhole(this.#layout, this.#layout.index, text);
      written = text;
    }
  }

  #indexText(): string {
    const manifests = this.list().map(({ name, manifest }) => ({
      ...manifest,
      ...(name === undefined
        ? {}
        : { annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name } }),
    }));
    return canonicalJson({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests });
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
