import { JettisonError } from '../errors/error.ts';
import { limit } from '../errors/limits.ts';
import { type Digest, isDigest, sha256 } from '../image/digest.ts';
import { familiarName, familiarRepository, type Reference } from '../image/reference.ts';
import { type Descriptor, MEDIA } from '../image/types.ts';
import { mergeScopes } from './authorizer.ts';
import { download } from './blob-download.ts';
import type { ApiRequest, Connection } from './connection.ts';
import type { Subject } from './errors.ts';
import { discard, type HttpResponse, readBody } from './http.ts';
import { Transient } from './retry.ts';
import { type UploadSource, upload } from './upload.ts';

/** A manifest or index from a registry: its descriptor, and its verified bytes. */
export interface FetchedManifest {
  descriptor: Descriptor;
  bytes: Buffer;
}

const MANIFEST_TYPES = [MEDIA.ociIndex, MEDIA.ociManifest, MEDIA.dockerList, MEDIA.dockerManifest].join(', ');

/**
 * One repository of a registry: the distribution API, one method per request.
 *
 * Specification: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export class Repository {
  constructor(
    readonly connection: Connection,
    readonly registry: string,
    readonly name: string,
  ) {}

  /**
   * The manifest or index of a tag or digest. Verifies the digest, if it is known.
   *
   * @throws JettisonError `REGISTRY_NOT_FOUND`, `MANIFEST_UNSUPPORTED`, `DIGEST_MISMATCH`, `REGISTRY_…`
   */
  manifest(which: string): Promise<FetchedManifest> {
    const subject = this.#subject('read', which);
    return this.connection.send(
      {
        method: 'GET',
        target: `/v2/${this.name}/manifests/${which}`,
        headers: { accept: MANIFEST_TYPES },
        subject,
        scopes: [this.#scope('pull')],
        expect: [200, 404],
      },
      async (response) => {
        if (response.status === 404) throw await this.#manifestMissing(response, which);
        const bytes = await readBody(response, limit('manifest-size')).catch((error) => {
          throw error instanceof RangeError ? tooLarge(subject) : error;
        });
        const digest = sha256(bytes);
        const header = response.headers['docker-content-digest'];
        const expected = isDigest(which)
          ? which
          : typeof header === 'string' && isDigest(header)
            ? header
            : digest;
        if (digest !== expected) throw new Transient(damaged(subject, expected, digest));
        const type = (response.headers['content-type'] ?? '').split(';')[0]!.trim();
        const mediaType = manifestType(bytes, type, subject);
        return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
      },
    );
  }

  /** The digest of the manifest of a tag or digest; undefined when it does not exist. */
  async manifestDigest(which: string, access: 'pull' | 'push' = 'pull'): Promise<Digest | undefined> {
    const { status, digest } = await this.connection.send(
      {
        method: 'HEAD',
        target: `/v2/${this.name}/manifests/${which}`,
        headers: { accept: MANIFEST_TYPES },
        subject: this.#subject(access === 'push' ? 'push' : 'read', which),
        scopes: [this.#scope(access)],
        expect: [200, 404],
      },
      (response) => {
        discard(response);
        return { status: response.status, digest: response.headers['docker-content-digest'] };
      },
    );
    return status === 200 && typeof digest === 'string' && isDigest(digest) ? digest : undefined;
  }

  /**
   * The index of the manifests that refer to a manifest: by the referrers API, else by the tag that stands for it in
   * registries without; an empty index where there is neither.
   *
   * @throws JettisonError `REGISTRY_…`
   */
  async referrers(digest: Digest): Promise<Buffer> {
    const listed = await this.connection.send(
      {
        method: 'GET',
        target: `/v2/${this.name}/referrers/${digest}`,
        headers: { accept: MEDIA.ociIndex },
        subject: this.#subject('read', digest),
        scopes: [this.#scope('pull')],
        expect: [200, 400, 404, 405],
      },
      async (response) => {
        if (response.status === 200) {
          return readBody(response, limit('manifest-size')).catch((error) => {
            throw error instanceof RangeError ? tooLarge(this.#subject('read', digest)) : error;
          });
        }
        discard(response);
        return undefined;
      },
    );
    if (listed !== undefined) return listed;
    try {
      return (await this.manifest(digest.replace(':', '-'))).bytes;
    } catch (error) {
      if (!(error instanceof JettisonError) || error.code !== 'REGISTRY_NOT_FOUND') throw error;
      return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [] }));
    }
  }

  /** Stores a manifest or index under a tag or its digest. All blobs and manifests in it must exist. */
  putManifest(which: string, mediaType: string, bytes: Uint8Array): Promise<void> {
    const subject = this.#subject('push', which);
    const digest = sha256(bytes);
    return this.connection.send(
      {
        method: 'PUT',
        target: `/v2/${this.name}/manifests/${which}`,
        headers: { 'content-type': mediaType },
        body: bytes,
        subject,
        scopes: [this.#scope('push')],
        expect: [200, 201, 202],
        commits: true,
      },
      (response) => {
        discard(response);
        const stored = response.headers['docker-content-digest'];
        if (typeof stored === 'string' && isDigest(stored) && stored !== digest) {
          throw new Transient(damaged(subject, digest, stored));
        }
      },
    );
  }

  /** Whether the repository has a blob of this digest and size. */
  hasBlob({ digest, size }: Pick<Descriptor, 'digest' | 'size'>, access: 'pull' | 'push'): Promise<boolean> {
    return this.connection.send(
      {
        method: 'HEAD',
        target: `/v2/${this.name}/blobs/${digest}`,
        subject: this.#subject(access === 'push' ? 'push to' : 'read'),
        scopes: [this.#scope(access)],
        expect: [200, 404],
      },
      (response) => {
        discard(response);
        const length = response.headers['content-length'];
        return response.status === 200 && (length === undefined || Number(length) === size);
      },
    );
  }

  /**
   * The bytes of a blob, exactly `size` of them. Continues after lost connections. The caller verifies the digest.
   *
   * @throws JettisonError `REGISTRY_…`
   */
  blob({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): AsyncGenerator<Buffer> {
    return download(
      this.connection,
      {
        method: 'GET',
        target: `/v2/${this.name}/blobs/${digest}`,
        subject: this.#subject('read', digest),
        scopes: [this.#scope('pull')],
      },
      size,
    );
  }

  /**
   * Mounts a blob from another repository of the registry.
   *
   * @returns false if the registry did not: then the blob must be uploaded
   */
  async mount(digest: Digest, from: string): Promise<boolean> {
    const subject = this.#subject('push to');
    const query = `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
    const request: ApiRequest = {
      method: 'POST',
      target: `/v2/${this.name}/blobs/uploads/?${query}`,
      subject,
      scopes: mergeScopes([this.#scope('push'), `repository:${from}:pull`]),
      expect: [201, 202, 400, 404, 405],
    };
    try {
      return await this.connection.send(request, async (response) => {
        discard(response);
        const { location } = response.headers;
        if (response.status === 202 && location !== undefined) {
          await this.#cancelUpload(this.connection.locate(location, response.url), subject);
        }
        return response.status === 201;
      });
    } catch (error) {
      // Without access to the other repository the blob is uploaded.
      const denied = ['REGISTRY_UNAUTHORIZED', 'REGISTRY_DENIED'];
      if (error instanceof JettisonError && denied.includes(error.code)) return false;
      throw error;
    }
  }

  /**
   * Uploads a blob: a small one in one request, others in a stream that continues after lost connections.
   *
   * @throws JettisonError `REGISTRY_…`; `DIGEST_MISMATCH` when the registry computes another digest
   */
  upload(source: UploadSource): Promise<void> {
    return upload(
      this.connection,
      {
        target: `/v2/${this.name}/blobs/uploads/`,
        subject: this.#subject('push to'),
        scopes: [this.#scope('push')],
        exists: () => this.hasBlob(source, 'push'),
      },
      source,
    );
  }

  /** Cancels an upload that the registry opened instead of mounting. Ignores errors: it would expire anyway. */
  async #cancelUpload(location: URL, subject: Subject): Promise<void> {
    try {
      const response = await this.connection.sendOnce({
        method: 'DELETE',
        target: location,
        subject,
        scopes: [this.#scope('push')],
        expect: [200, 202, 204, 404, 405],
      });
      discard(response);
    } catch {
      // Not needed.
    }
  }

  #scope(access: 'pull' | 'push'): string {
    return `repository:${this.name}:${access === 'push' ? 'pull,push' : 'pull'}`;
  }

  #subject(verb: string, which?: string): Subject {
    const { registry, name: repository } = this;
    const shown = which === undefined ? familiarRepository({ registry, repository }) : this.#shown(which);
    return { registry, repository, action: `${verb} ${shown}` };
  }

  #shown(which: string): string {
    const name: Reference = { registry: this.registry, repository: this.name };
    return familiarName({ ...name, ...(isDigest(which) ? { digest: which } : { tag: which }) });
  }

  async #manifestMissing(response: HttpResponse, which: string): Promise<JettisonError> {
    const code = await readBody(response, 64 << 10).then(
      (body) => (/"NAME_UNKNOWN"/.test(body.toString('latin1')) ? 'repository' : 'tag'),
      () => 'tag',
    );
    const { registry, name: repository } = this;
    return new JettisonError('REGISTRY_NOT_FOUND', `${this.#shown(which)} does not exist in ${registry}`, {
      hint:
        code === 'repository'
          ? `${registry} has no repository ${repository}: check the name, and whether the registry is part of it.`
          : `Check the ${isDigest(which) ? 'digest' : 'tag'}, and the spelling of ${repository}.`,
      details: { registry, repository, reference: which },
    });
  }
}

function damaged({ action }: Subject, expected: string, actual: string): JettisonError {
  return new JettisonError(
    'DIGEST_MISMATCH',
    `cannot ${action}: its digest is ${actual} instead of ${expected}`,
    {
      hint: 'The registry or a proxy damages the data. Try again.',
    },
  );
}

function unsupported({ action }: Subject, reason: string): JettisonError {
  return new JettisonError('MANIFEST_UNSUPPORTED', `cannot ${action}: ${reason}`, {
    hint: 'Jettison reads OCI images and Docker schema 2. Push the image again with a current tool.',
  });
}

function tooLarge(subject: Subject): JettisonError {
  return unsupported(
    subject,
    `it is larger than ${limit('manifest-size') >> 20} MiB, the limit "manifest-size"`,
  );
}

/** The media type: the document's own field, else the header. A document that is both image and index is refused. */
function manifestType(bytes: Buffer, header: string, subject: Subject): string {
  let body: { mediaType?: unknown; schemaVersion?: unknown; manifests?: unknown; layers?: unknown } | null;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Transient(unsupported(subject, 'the answer is not JSON'));
  }
  if (body?.schemaVersion === 1) throw unsupported(subject, 'it has the format of Docker schema 1');
  const isIndex = Array.isArray(body?.manifests);
  const isImage = Array.isArray(body?.layers);
  if (body === null || isIndex === isImage) throw unsupported(subject, 'the answer is not an image manifest');
  const type = typeof body.mediaType === 'string' ? body.mediaType : header;
  const known: string[] = isIndex
    ? [MEDIA.ociIndex, MEDIA.dockerList]
    : [MEDIA.ociManifest, MEDIA.dockerManifest];
  return known.includes(type) ? type : known[0]!;
}
