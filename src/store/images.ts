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

/** An image of the store: a name, and the manifest or index that it refers to. */
export interface StoredImage {
  /** Canonical, e.g. `docker.io/library/app:latest`; absent for an image without a name. */
  name?: string;
  manifest: Descriptor;
  /** When the name was given, RFC 3339. */
  updated: string;
}

/** The names of images: one file per name in `images/`, from which `index.json` is written. */
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

  /** Like `get`, but a damaged name counts as missing: for callers that are about to set it. */
  find(name: string): StoredImage | undefined {
    return this.#readFile(fileName(name));
  }

  /**
   * @param name canonical
   * @throws JettisonError `IMAGE_NAME_DAMAGED`: a damaged name must not resolve to another image, as of a registry
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

  /** Gives an image a name, which another image may have had. */
  put(name: string, manifest: Descriptor): void {
    const known = this.find(name);
    if (known?.manifest.digest === manifest.digest && this.#isIndexed(fileName(name))) return;
    this.#write(fileName(name), { name, manifest: bare(manifest), updated: new Date().toISOString() });
    // The image has a name now, so its nameless entry goes.
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

  /** Removes a name, or a nameless image. The next prune deletes its blobs. */
  remove(image: StoredImage): void {
    const file = image.name === undefined ? namelessFile(image.manifest.digest) : fileName(image.name);
    rmSync(join(this.#layout.images, file), { force: true });
    this.#writeIndex();
  }

  /** Removes names with a damaged file (empty after a power failure), and rewrites `index.json` if it differs. */
  discardDamaged(): void {
    for (const file of this.damaged()) rmSync(join(this.#layout.images, file), { force: true });
    if (!this.isIndexSound) this.#writeIndex();
  }

  /** Damaged files of names that `index.json` cannot replace. */
  damaged(): string[] {
    return readNames(this.#layout.images).filter((file) => this.#readFile(file) === undefined);
  }

  #write(file: string, image: StoredImage): void {
    writeWhole(this.#layout, join(this.#layout.images, file), recordText(image));
  }

  /** Undefined for a damaged file, and for a missing one: another process may remove a name at any time. */
  #readFile(file: string): StoredImage | undefined {
    const found = this.#lookAt(file);
    return found === 'damaged' ? undefined : found;
  }

  /** The image of a name's file. For a damaged file it is taken from `index.json`, which has a copy. */
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
   * Restores damaged files of names from `index.json`, removes those that it does not list, then rewrites `index.json`.
   *
   * @returns the damaged files, and whether each was restored
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

  /** All damaged files of names, also those that `index.json` can replace. */
  unsound(): string[] {
    return readNames(this.#layout.images).filter((file) => {
      const found = lookAtRecord<StoredImage>(join(this.#layout.images, file), { unsealed: true });
      return found === 'damaged' || (found !== 'missing' && !isDigest(String(found.manifest?.digest)));
    });
  }

  /** Whether `index.json` matches the names. */
  get isIndexSound(): boolean {
    try {
      return readFileSync(this.#layout.index, 'utf8') === this.#indexText();
    } catch {
      return false;
    }
  }

  /**
   * Whether `index.json` is only older than the names: a process was killed, or the disk was full, between the two
   * writes. Nothing is lost, since it is written from the names.
   */
  get isIndexBehind(): boolean {
    const names = statSync(this.#layout.images, { throwIfNoEntry: false });
    const index = statSync(this.#layout.index, { throwIfNoEntry: false });
    return names !== undefined && (index === undefined || index.mtimeMs < names.mtimeMs);
  }

  /** Whether `index.json` was written after a name. A process may have been killed between the two writes. */
  #isIndexed(file: string): boolean {
    const named = statSync(join(this.#layout.images, file), { throwIfNoEntry: false });
    const index = statSync(this.#layout.index, { throwIfNoEntry: false });
    return named !== undefined && index !== undefined && index.size > 0 && index.mtimeMs >= named.mtimeMs;
  }

  /**
   * Writes `index.json` until it matches the folder. Each process reads the folder again after writing, so of two
   * concurrent ones the last sees both names.
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
