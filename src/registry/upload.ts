import type { Readable } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { ApiRequest, Connection } from './connection.ts';
import { networkError } from './errors.ts';
import { discard, type HttpResponse, tooSlow } from './http.ts';
import { pause, Transient } from './retry.ts';

/** A blob to upload; can be read repeatedly, from any offset. */
export interface UploadSource {
  digest: Digest;
  size: number;
  /** @param end offset after the last byte */
  open(start: number, end: number): Readable;
}

/** The uploads of one repository. */
export type UploadPlace = Pick<ApiRequest, 'subject' | 'scopes'> & {
  target: string;
  /** Whether the repository has the blob: the response to the last request may have been lost. */
  exists(): Promise<boolean>;
};

/** Blobs up to this size are sent in one request; for larger ones, a broken upload is continued. */
const SINGLE_REQUEST_LIMIT = 1 << 20;
/** Size of chunks, for servers that refuse large requests. */
const CHUNK = 16 << 20;

/**
 * Uploads a blob to a repository. After a failure it continues at the offset that the registry reports, or else starts a
 * new upload.
 *
 * @throws JettisonError `REGISTRY_…`; `DIGEST_MISMATCH` when the registry computes another digest
 */
export async function upload(
  connection: Connection,
  place: UploadPlace,
  source: UploadSource,
): Promise<void> {
  const { policy, signal } = connection;
  const { exists, ...where } = place;
  const session = new UploadSession(connection, where, source);
  let furthest = 0;
  const started = Date.now();
  for (let failures = 0; ; ) {
    try {
      await session.advance();
      return;
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      failures++;
      if (failures >= policy.attempts || (error.waitMs ?? 0) > policy.maxWaitMs) throw error.final;
      await pause(policy, failures - 1, signal, error.waitMs);
      if (await exists()) return;
      await session.recover();
      if (session.offset > furthest) {
        furthest = session.offset;
        // Counts all connections together: a server that takes a little per connection is too slow, too.
        const ms = Date.now() - started;
        if (ms > policy.rateMs && (furthest * 1000) / ms < policy.minRate) {
          throw tooSlow(session.url!, policy);
        }
        failures = 0;
      }
    }
  }
}

class UploadSession {
  readonly #connection: Connection;
  readonly #where: Omit<UploadPlace, 'exists'>;
  readonly #source: UploadSource;
  /** Bytes that the registry has confirmed. */
  offset = 0;
  #location: URL | undefined;
  #chunk = Number.POSITIVE_INFINITY;

  constructor(connection: Connection, where: Omit<UploadPlace, 'exists'>, source: UploadSource) {
    this.#connection = connection;
    this.#where = where;
    this.#source = source;
  }

  /** URL of the next request; undefined if the upload must start again. */
  get url(): URL | undefined {
    return this.#location;
  }

  /** Sends the missing bytes. @throws Transient after a failure that can be retried */
  async advance(): Promise<void> {
    const { digest, size } = this.#source;
    if (this.#location === undefined) await this.#start();
    if (size > SINGLE_REQUEST_LIMIT) {
      while (this.offset < size) await this.#patch(Math.min(size - this.offset, this.#chunk));
    }
    const target = new URL(this.#location!);
    // Not through searchParams, which would re-encode a signed query.
    target.search += `${target.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
    const { offset } = this;
    const response = await this.#commit({
      ...this.#where,
      method: 'PUT',
      target,
      headers: { 'content-type': 'application/octet-stream' },
      ...(offset < size
        ? { body: { length: size - offset, open: () => this.#source.open(offset, size) } }
        : {}),
      expect: [200, 201, 204, 404, 416],
      commits: true,
    });
    discard(response);
    if (response.status === 404 || response.status === 416) throw this.#lost(response);
  }

  /**
   * Sends the request that completes the upload.
   *
   * @throws JettisonError `DIGEST_MISMATCH` when the registry computes another digest
   */
  async #commit(request: ApiRequest): Promise<HttpResponse> {
    try {
      return await this.#connection.sendOnce(request);
    } catch (error) {
      if (!(error instanceof JettisonError) || error.details?.['reason'] !== 'DIGEST_INVALID') throw error;
      throw new JettisonError(
        'DIGEST_MISMATCH',
        `cannot ${request.subject.action}: ${this.#source.digest} arrives damaged`,
        { hint: 'The registry or a proxy damages the data. Try again.', cause: error },
      );
    }
  }

  /** Asks the registry for the upload's offset; gives the upload up if it is unknown. */
  async recover(): Promise<void> {
    const target = this.#location;
    this.#location = undefined;
    const resumable = target !== undefined && this.#source.size > SINGLE_REQUEST_LIMIT;
    this.offset = 0;
    if (!resumable) return;
    try {
      const response = await this.#connection.sendOnce({
        ...this.#where,
        method: 'GET',
        target,
        expect: [204],
      });
      discard(response);
      const { range, location } = response.headers;
      const last = /^(?:bytes=)?0-(\d+)$/.exec(String(range ?? ''))?.[1];
      if (last === undefined) return;
      // "0-0" means one byte to some registries and none to others: start from 0.
      const offset = Number(last) === 0 ? 0 : Number(last) + 1;
      if (offset === 0 || offset > this.#source.size) return;
      this.#location = location === undefined ? target : this.#connection.locate(location, response.url);
      this.offset = offset;
    } catch {
      // Start again.
    }
  }

  async #start(): Promise<void> {
    const response = await this.#connection.sendOnce({ ...this.#where, method: 'POST', expect: [202] });
    discard(response);
    this.#follow(response);
    if (this.#location === undefined) throw this.#lost(response);
  }

  async #patch(length: number): Promise<void> {
    const { offset } = this;
    const whole = offset === 0 && length === this.#source.size;
    const response = await this.#connection.sendOnce({
      ...this.#where,
      method: 'PATCH',
      target: this.#location!,
      headers: {
        'content-type': 'application/octet-stream',
        // A stream from the start has no range in Docker's own clients, and not every registry takes one.
        ...(whole ? {} : { 'content-range': `${offset}-${offset + length - 1}` }),
      },
      body: { length, open: () => this.#source.open(offset, offset + length) },
      expect: [200, 201, 202, 204, 404, 416, ...(length > CHUNK ? [413] : [])],
      commits: true,
    });
    discard(response);
    if (response.status === 413) {
      this.#chunk = CHUNK;
      return;
    }
    if (response.status === 404 || response.status === 416) throw this.#lost(response);
    this.offset = offset + length;
    this.#follow(response);
  }

  #follow(response: HttpResponse): void {
    const { location } = response.headers;
    if (location !== undefined) this.#location = this.#connection.locate(location, response.url);
  }

  /** The registry does not know the upload any more, or is at another offset. */
  #lost(response: HttpResponse): Transient {
    this.#location = undefined;
    const error = Object.assign(new Error('upload lost'), { code: 'ECONNRESET' });
    return new Transient(networkError(error, response.url, this.#where.subject));
  }
}
