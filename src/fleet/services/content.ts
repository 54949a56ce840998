import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { status } from '@grpc/grpc-js';
import { type Digest, isDigest } from '../../image/digest.ts';
import type { Blobs } from '../../store/blobs.ts';
import {
  abortRequest,
  abortResponse,
  infoRequest,
  infoResponse,
  listStatusesRequest,
  listStatusesResponse,
  readRequest,
  readResponse,
  statusRequest,
  statusResponse,
  updateRequest,
  updateResponse,
  WRITE,
  writeRequest,
  writeResponse,
} from '../protocol/content-messages.ts';
import type { Decoded } from '../protocol/message.ts';
import { notFound, Refusal, textForBuilder } from '../refusal.ts';
import {
  bidiStream,
  messagesOf,
  type SessionService,
  send,
  serverStream,
  unary,
} from '../session-service.ts';

/** Which of the stores of a session a call means. */
const STORE_HEADER = 'buildkit-attachable-store-id';
/** The one that takes results. */
const RESULTS = 'export';

/** Images of this machine that a builder may read. */
export interface OfferedBlobs {
  has(digest: Digest): boolean;
  /** Has the blob in the store. */
  fetch(digest: Digest): Promise<void>;
}

/**
 * The blobs of the store, by containerd's content service: results come in, and images that were offered go out.
 * Nothing else of the store can be read, and what comes in counts only once its digest was verified.
 *
 * @param offered by the names after `oci:`
 */
export function contentService(blobs: Blobs, offered: ReadonlyMap<string, OfferedBlobs>): SessionService {
  const received = new Set<Digest>();
  const sound = new SoundBlobs(blobs);
  const readable = async (call: { metadata: { get(name: string): unknown[] } }, text: string) => {
    const digest = checkDigest(text);
    const id = String(call.metadata.get(STORE_HEADER)[0] ?? '');
    if (id === RESULTS) {
      // The answer says only whether a result need not be sent.
      if (!(await sound.has(digest))) throw notFound(digest);
      return digest;
    }
    const store = offered.get(id.replace(/^oci:/, ''));
    if (store?.has(digest) !== true) throw notFound(digest);
    await store.fetch(digest);
    return digest;
  };
  return {
    name: 'containerd.services.content.v1.Content',
    methods: {
      Info: unary(infoRequest, infoResponse, async (request, call) => {
        const digest = await readable(call, request.digest);
        return { info: infoOf(digest, blobs.size(digest) ?? 0, {}) };
      }),
      // Labels serve containerd's garbage collector, which this store has not.
      Update: unary(updateRequest, updateResponse, async ({ info }, call) => {
        const digest = await readable(call, info?.digest ?? '');
        return { info: infoOf(digest, blobs.size(digest) ?? 0, info?.labels ?? {}) };
      }),
      Read: serverStream(readRequest, readResponse, async ({ digest: text, offset, size }, call) => {
        const digest = await readable(call, text);
        const isResult = String(call.metadata.get(STORE_HEADER)[0]) === RESULTS;
        if (isResult && !received.has(digest)) throw notFound(digest);
        const isWhole = offset === 0 && size === 0;
        // A damaged blob was removed: it is fetched anew.
        if (!isWhole && !(await sound.has(digest))) await readable(call, text);
        const end = size > 0 ? { end: offset + size - 1 } : {};
        const range = { start: offset, highWaterMark: 1 << 20, ...end };
        const content = isWhole ? blobs.stream(digest) : createReadStream(blobs.path(digest), range);
        let at = offset;
        for await (const data of content as AsyncIterable<Buffer>) {
          await send(call, { offset: at, data });
          at += data.length;
        }
      }),
      Status: unary(statusRequest, statusResponse, ({ ref }) => {
        throw notFound(`upload "${ref}"`);
      }),
      ListStatuses: unary(listStatusesRequest, listStatusesResponse, () => ({ statuses: [] })),
      Abort: unary(abortRequest, abortResponse, () => ({})),
      Write: bidiStream(writeRequest, writeResponse, async (call) => {
        if (String(call.metadata.get(STORE_HEADER)[0]) !== RESULTS) {
          throw new Refusal(status.PERMISSION_DENIED, 'this store is read-only');
        }
        const upload = new Upload(blobs, sound);
        try {
          for await (const request of messagesOf(call)) {
            const answer = await upload.take(request);
            await send(call, answer);
            if (upload.committed !== undefined) received.add(upload.committed);
          }
        } finally {
          upload.stop();
        }
      }),
    },
  };
}

/** Blobs whose content has their digest: each is read once in a session to find out. */
class SoundBlobs {
  readonly #found = new Set<Digest>();

  constructor(private readonly blobs: Blobs) {}

  /** Whether the store has the blob; a damaged one is removed. @param size if it is known */
  async has(digest: Digest, size?: number): Promise<boolean> {
    if (!this.#found.has(digest)) {
      await this.blobs.discardDamaged(digest);
      if (this.blobs.has(digest)) this.#found.add(digest);
    }
    return this.blobs.has(digest, size);
  }
}

/** A blob on its way into the store. */
class Upload {
  /** Its digest, once it is verified and stored. */
  committed: Digest | undefined;
  #expected: Digest | undefined;
  #total = 0;
  #offset = 0;
  #pipe: PassThrough | undefined;
  #stored: Promise<unknown> | undefined;
  readonly #started = Date.now();

  constructor(
    private readonly blobs: Blobs,
    private readonly sound: SoundBlobs,
  ) {}

  async take(request: Decoded<typeof writeRequest>): Promise<Partial<Decoded<typeof writeResponse>>> {
    const { action, expected, total, offset, data } = request;
    if (expected !== '') {
      const digest = checkDigest(expected);
      if (this.#expected !== undefined && this.#expected !== digest) {
        throw new Refusal(status.INVALID_ARGUMENT, 'an upload cannot change its digest');
      }
      this.#expected = digest;
    }
    if (total > 0) this.#total = total;
    const size = this.#total > 0 ? this.#total : undefined;
    if (
      action === WRITE.stat &&
      this.#expected !== undefined &&
      (await this.sound.has(this.#expected, size))
    ) {
      throw new Refusal(status.ALREADY_EXISTS, `${this.#expected}: already exists`);
    }
    if (data.length > 0) await this.#write(Number(offset), data);
    if (action === WRITE.commit) await this.#commit();
    const answer = { action, offset: this.#offset, total: this.#total };
    return {
      ...answer,
      startedAt: this.#started,
      updatedAt: Date.now(),
      ...(this.committed !== undefined && { digest: this.committed }),
    };
  }

  /** Gives up what was not committed. */
  stop(): void {
    if (this.committed === undefined) this.#pipe?.destroy(new Error('the upload was not completed'));
  }

  async #write(offset: number, data: Uint8Array): Promise<void> {
    if (offset !== this.#offset) {
      throw new Refusal(status.OUT_OF_RANGE, `unexpected offset ${offset}, ${this.#offset} is next`);
    }
    if (this.#total > 0 && offset + data.length > this.#total) {
      throw new Refusal(status.OUT_OF_RANGE, `more than the ${this.#total} bytes that were announced`);
    }
    const pipe = this.#open();
    this.#offset += data.length;
    if (!pipe.write(data)) await Promise.race([once(pipe, 'drain'), this.#stored]);
  }

  async #commit(): Promise<void> {
    const digest = this.#expected;
    if (digest === undefined) throw new Refusal(status.INVALID_ARGUMENT, 'the digest is missing');
    this.#open().end();
    try {
      await this.#stored;
    } catch (error) {
      throw new Refusal(status.FAILED_PRECONDITION, textForBuilder(error));
    }
    this.committed = digest;
  }

  /** The digest is known at the end at the latest, and is compared there. */
  #open(): PassThrough {
    if (this.#pipe === undefined) {
      this.#pipe = new PassThrough({ highWaterMark: 1 << 20 });
      const digest = this.#expected;
      if (digest === undefined) throw new Refusal(status.INVALID_ARGUMENT, 'the digest is missing');
      this.#stored = this.blobs.writeStream(this.#pipe, {
        digest,
        ...(this.#total > 0 && { size: this.#total }),
      });
      this.#stored.catch(() => {});
    }
    return this.#pipe;
  }
}

function checkDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(status.INVALID_ARGUMENT, 'invalid digest');
}

function infoOf(digest: Digest, size: number, labels: Record<string, string>) {
  const now = Date.now();
  return { digest, size, createdAt: now, updatedAt: now, labels };
}
