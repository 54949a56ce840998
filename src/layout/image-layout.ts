import { resolve } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import type { LimitName } from '../errors/limits.ts';
import { type Digest, isDigest, sha256 } from '../image/digest.ts';
import { blobName, CONTAINERD_NAME, REF_NAME } from '../image/layout.ts';
import { isKnownLayout, layoutVersion, parseDocument, readIndex } from '../image/sound.ts';
import { type Descriptor, type Index, MEDIA } from '../image/types.ts';
import { FolderFiles } from './folder-files.ts';
import type { Invalid, LayoutFiles } from './layout-files.ts';

/**
 * An untrusted OCI image layout, in a folder or a tar: `oci-layout`, `index.json` and `blobs/ALGORITHM/HEX`.
 *
 * Specification: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export class ImageLayout {
  readonly #files: LayoutFiles;
  readonly #name: string;
  readonly #invalid: Invalid;

  /** @param name for messages: `the OCI layout "x"` */
  constructor(files: LayoutFiles, name: string, invalid: Invalid) {
    this.#files = files;
    this.#name = name;
    this.#invalid = invalid;
  }

  /** A layout in a folder. */
  static folder(path: string): ImageLayout {
    const invalid: Invalid = (reason, hint) =>
      new JettisonError('OCI_LAYOUT', `the OCI image layout "${path}" cannot be used: ${reason}`, {
        hint: hint ?? 'Give a folder with an index.json and blobs/, as `skopeo copy … oci:FOLDER` writes it.',
      });
    return new ImageLayout(new FolderFiles(resolve(path), invalid), `the OCI layout "${path}"`, invalid);
  }

  /** `index.json`. A missing `oci-layout` file is accepted. @throws JettisonError for another major version */
  index(): Index {
    const marker = this.#files.read('oci-layout', 'manifest-size');
    const version = marker && layoutVersion(parseDocument(marker, `oci-layout of ${this.#name}`));
    if (version !== undefined && !isKnownLayout(version)) {
      throw this.#invalid(
        `unknown layout version ${version}: this Jettison reads version 1`,
        'Use a newer Jettison, or write the image in the OCI layout 1.0.0.',
      );
    }
    return readIndex(this.#small('index.json', 'manifest-size'), `index.json of ${this.#name}`);
  }

  /** A manifest, an index or a config, verified. @throws JettisonError `DIGEST_MISMATCH` */
  document(digest: Digest, limit: LimitName): Buffer {
    const bytes = this.#small(this.#blobName(digest), limit);
    const actual = sha256(bytes);
    if (actual === digest) return bytes;
    throw new JettisonError('DIGEST_MISMATCH', `${digest} of ${this.#name} has the digest ${actual}`, {
      hint: 'The layout is damaged: write the image again.',
    });
  }

  /** The bytes of a blob; the caller verifies them. */
  blob({ digest }: Descriptor): AsyncIterable<Buffer> {
    return this.#files.open(this.#blobName(digest));
  }

  /**
   * Chooses an entry of `index.json`.
   *
   * @param which a tag, a name, or a digest (also of a manifest that `index.json` does not list); default: `latest`, or
   * the only entry
   */
  choose(which?: string): Descriptor {
    const { manifests } = this.index();
    const distinct = new Set(manifests.map(({ digest }) => digest));
    const found =
      which === undefined && distinct.size === 1
        ? manifests[0]
        : (named(manifests, which ?? 'latest') ?? (which && this.#unlisted(which)));
    if (found) return found;
    const names = [...new Set(manifests.flatMap((one) => namesOf(one)[0] ?? one.digest))];
    throw this.#invalid(
      which === undefined ? `it has ${distinct.size} images` : `it has no image "${which}"`,
      names.length === 0 ? 'Write an image into it first.' : `Name one: ${names.join(', ')}.`,
    );
  }

  #unlisted(text: string): Descriptor | undefined {
    if (!/^sha\d+:/.test(text)) return undefined;
    if (!isDigest(text)) throw this.#invalid(`invalid digest "${text}"`);
    const bytes = this.document(text, 'manifest-size');
    const value = parseDocument(bytes, `${text} of ${this.#name}`) as { mediaType?: unknown } | null;
    const mediaType = typeof value?.mediaType === 'string' ? value.mediaType : MEDIA.ociManifest;
    return { mediaType, digest: text, size: bytes.length };
  }

  #small(name: string, limit: LimitName): Buffer {
    const bytes = this.#files.read(name, limit);
    if (bytes !== undefined) return bytes;
    throw this.#invalid(`${name} is missing`);
  }

  #blobName(digest: Digest): string {
    if (!isDigest(digest)) throw this.#invalid(`invalid digest "${digest}"`);
    return blobName(digest);
  }
}

function namesOf({ annotations }: Descriptor): string[] {
  return [REF_NAME, CONTAINERD_NAME].flatMap((key) => annotations?.[key] ?? []);
}

function named(manifests: readonly Descriptor[], wanted: string): Descriptor | undefined {
  return manifests.find(
    (one) =>
      one.digest === wanted ||
      namesOf(one).some(
        (text) => text === wanted || text.endsWith(`:${wanted}`) || text.endsWith(`/${wanted}`),
      ),
  );
}
