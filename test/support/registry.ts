import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** What goes wrong with one request. */
export type Fault =
  /** The connection is cut before anything is answered. */
  | { kind: 'reset' }
  /** The request's body is read so far, stored, and then the connection is cut. */
  | { kind: 'cut-upload'; after: number }
  /** The request is carried out, but its answer is lost. */
  | { kind: 'lost-answer' }
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** The answer's body ends early. */
  | { kind: 'truncate'; after: number }
  /** One byte of the answer's body is another. */
  | { kind: 'corrupt' }
  /** One byte of the request's body is another. */
  | { kind: 'corrupt-upload' };

export interface Seen {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingMessage['headers'];
  /** Bytes of body received. */
  received: number;
}

export interface FakeRegistryOptions {
  auth?: 'basic' | 'bearer';
  /** Of the only user. Bearer tokens for pulling are given to anybody when absent. */
  user?: { name: string; password: string; refreshToken?: string };
  /** Where tokens come from; defaults to this server. */
  realm?: string;
  /** Decides on a fault for each request, in order. */
  fault?: (request: Seen) => Fault | undefined;
  /** Blobs are answered with a redirect to this place. */
  redirectBlobsTo?: string;
  /** Offers no cross-repository mounts: they begin an upload. */
  noMount?: boolean;
  /** Answers to ranges with the whole. */
  noRange?: boolean;
  /** Speaks https with these (PEM). */
  tls?: { key: string; cert: string };
  /** Compresses answers for whoever does not refuse that. */
  compresses?: boolean;
  /** Lists the manifests that have a subject, as distribution 1.1 does. */
  referrers?: boolean;
  /** Largest body of one PATCH or PUT of a blob. */
  maxBody?: number;
}

interface Repo {
  tags: Map<string, string>;
  manifests: Map<string, { type: string; bytes: Buffer }>;
  blobs: Map<string, Buffer>;
}

/** A small distribution registry in memory, on a free port of the loopback interface. */
export class FakeRegistry {
  readonly repositories = new Map<string, Repo>();
  readonly seen: Seen[] = [];
  readonly #uploads = new Map<string, Buffer>();
  readonly #tokens = new Map<string, Set<string>>();
  #server: Server | undefined;
  host = '';

  /** `options` may change while it runs. */
  constructor(public options: FakeRegistryOptions = {}) {}

  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options);
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      registry.#handle(request, response).catch((error) => {
        response.destroy(error as Error);
      });
    };
    const server = options.tls === undefined ? createServer(handle) : createTlsServer(options.tls, handle);
    registry.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    registry.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return registry;
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  repository(name: string): Repo {
    let repo = this.repositories.get(name);
    if (repo === undefined) {
      repo = { tags: new Map(), manifests: new Map(), blobs: new Map() };
      this.repositories.set(name, repo);
    }
    return repo;
  }

  addBlob(repository: string, data: Buffer): { digest: `sha256:${string}`; size: number } {
    const digest = digestOf(data);
    this.repository(repository).blobs.set(digest, data);
    return { digest, size: data.byteLength };
  }

  addManifest(repository: string, tag: string | undefined, document: { mediaType: string }) {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    const repo = this.repository(repository);
    repo.manifests.set(digest, { type: document.mediaType, bytes });
    if (tag !== undefined) repo.tags.set(tag, digest);
    return { mediaType: document.mediaType, digest, size: bytes.byteLength };
  }

  /** Requests so far, as `GET /v2/…`, without those of tokens. */
  get lines(): string[] {
    return this.seen
      .filter(({ path }) => path.startsWith('/v2/'))
      .map(({ method, path }) => `${method} ${path}`);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen: Seen = { method: request.method!, path: request.url!, headers: request.headers, received: 0 };
    const fault = this.options.fault?.(seen);
    this.seen.push(seen);
    if (fault?.kind === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'status') {
      for await (const _ of request);
      send(response, fault.status, fault.headers ?? {}, Buffer.from(fault.body ?? ''));
      return;
    }
    const url = new URL(request.url!, `http://${this.host}`);
    if (url.pathname === '/token') return this.#token(request, url, response);

    const body = await this.#body(request, seen, fault);
    if (body === undefined) {
      // What came so far counts, as with real registries.
      this.#uploads.set(url.pathname, Buffer.concat([this.#uploads.get(url.pathname)!, this.#partial!]));
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'corrupt-upload' && body.byteLength > 0) body[body.byteLength >> 1]! ^= 1;
    const answer = this.#refusal(request, url) ?? this.#answer(request, url, body);
    if (fault?.kind === 'lost-answer') {
      request.socket.resetAndDestroy();
      return;
    }
    const data = request.method === 'HEAD' ? undefined : answer.body;
    if (fault?.kind === 'truncate' && data !== undefined) {
      response.writeHead(answer.status, { ...answer.headers, 'content-length': data.byteLength });
      response.write(data.subarray(0, fault.after), () => request.socket.destroy());
      return;
    }
    if (fault?.kind === 'corrupt' && data !== undefined && data.byteLength > 0) {
      const bad = Buffer.from(data);
      bad[bad.byteLength >> 1]! ^= 1;
      send(response, answer.status, answer.headers, bad);
      return;
    }
    if (request.method === 'HEAD' && answer.body !== undefined) {
      answer.headers['content-length'] = String(answer.body.byteLength);
    }
    if (this.options.compresses && data !== undefined && request.headers['accept-encoding'] !== 'identity') {
      send(response, answer.status, { ...answer.headers, 'content-encoding': 'gzip' }, gzipSync(data));
      return;
    }
    send(response, answer.status, answer.headers, data);
  }

  #partial: Buffer | undefined;

  async #body(request: IncomingMessage, seen: Seen, fault: Fault | undefined): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      seen.received += chunk.byteLength;
      if (fault?.kind === 'cut-upload' && seen.received >= fault.after) {
        this.#partial = Buffer.concat(chunks);
        return undefined;
      }
    }
    return Buffer.concat(chunks);
  }

  #refusal(request: IncomingMessage, url: URL): Answer | undefined {
    const { auth, user } = this.options;
    if (auth === undefined) return undefined;
    const [scheme, value] = (request.headers.authorization ?? '').split(' ');
    if (auth === 'basic') {
      const expected = Buffer.from(`${user!.name}:${user!.password}`).toString('base64');
      if (scheme === 'Basic' && value === expected) return undefined;
      return refuse('Basic realm="fake"');
    }
    const name = /^\/v2\/(.+)\/(manifests|blobs)\//.exec(url.pathname)?.[1];
    const wanted =
      name === undefined
        ? []
        : [`repository:${name}:${['GET', 'HEAD'].includes(request.method!) ? 'pull' : 'push'}`];
    const granted = scheme === 'Bearer' ? this.#tokens.get(value!) : undefined;
    if (granted !== undefined && wanted.every((scope) => granted.has(scope))) return undefined;
    const realm = this.options.realm ?? `http://${this.host}/token`;
    const scope = wanted[0] === undefined ? '' : `,scope="${wanted[0]}"`;
    return refuse(`Bearer realm="${realm}",service="fake"${scope}`);
  }

  async #token(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const { user } = this.options;
    const basic = Buffer.from(`${user?.name}:${user?.password}`).toString('base64');
    const known =
      request.headers.authorization === `Basic ${basic}` ||
      (form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === user?.refreshToken);
    if (!known && (request.headers.authorization !== undefined || form.has('refresh_token'))) {
      send(response, 401, {}, Buffer.from('{"details":"incorrect username or password"}'));
      return;
    }
    const scopes = [...url.searchParams.getAll('scope'), ...(form.get('scope') ?? '').split(' ')];
    const grants = new Set<string>();
    for (const scope of scopes) {
      const colon = scope.lastIndexOf(':');
      for (const action of scope.slice(colon + 1).split(',')) {
        if (known || (user === undefined && action === 'pull'))
          grants.add(`${scope.slice(0, colon)}:${action}`);
      }
    }
    const token = randomUUID();
    this.#tokens.set(token, grants);
    send(response, 200, { 'content-type': 'application/json' }, Buffer.from(JSON.stringify({ token })));
  }

  /** Makes every token invalid that was given so far. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  #answer(request: IncomingMessage, url: URL, body: Buffer): Answer {
    const method = request.method!;
    const read = method === 'GET' || method === 'HEAD';
    if (url.pathname === '/v2/') return { status: 200, headers: {}, body: Buffer.from('{}') };
    let match = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url.pathname);
    if (match !== null) {
      const [, name, which] = match as unknown as [string, string, string];
      if (method === 'PUT') {
        const digest = digestOf(body);
        const repo = this.repository(name);
        repo.manifests.set(digest, { type: request.headers['content-type']!, bytes: body });
        if (!which.startsWith('sha256:')) repo.tags.set(which, digest);
        return { status: 201, headers: { 'docker-content-digest': digest } };
      }
      const repo = this.repositories.get(name);
      const manifest = repo?.manifests.get(repo.tags.get(which) ?? which);
      if (manifest === undefined) return missing(repo === undefined ? 'NAME_UNKNOWN' : 'MANIFEST_UNKNOWN');
      return {
        status: 200,
        headers: { 'content-type': manifest.type, 'docker-content-digest': digestOf(manifest.bytes) },
        body: manifest.bytes,
      };
    }
    match = /^\/v2\/(.+)\/blobs\/(sha256:[^/]+)$/.exec(url.pathname);
    if (match !== null && read) {
      const [, name, digest] = match as unknown as [string, string, string];
      if (this.options.redirectBlobsTo !== undefined) {
        return { status: 307, headers: { location: `${this.options.redirectBlobsTo}${url.pathname}` } };
      }
      const blob = this.repositories.get(name)?.blobs.get(digest);
      if (blob === undefined) return missing('BLOB_UNKNOWN');
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      if (start === 0 || this.options.noRange) return { status: 200, headers: {}, body: blob };
      const range = `bytes ${start}-${blob.byteLength - 1}/${blob.byteLength}`;
      return { status: 206, headers: { 'content-range': range }, body: blob.subarray(start) };
    }
    match = /^\/v2\/(.+)\/referrers\/(sha256:[^/]+)$/.exec(url.pathname);
    if (match !== null && this.options.referrers) {
      const [, name, digest] = match as unknown as [string, string, string];
      const mediaType = 'application/vnd.oci.image.index.v1+json';
      const manifests = [...(this.repositories.get(name)?.manifests ?? [])].flatMap(
        ([own, { type, bytes }]) => {
          const { subject, artifactType } = JSON.parse(bytes.toString());
          if (subject?.digest !== digest) return [];
          return [{ mediaType: type, digest: own, size: bytes.byteLength, artifactType }];
        },
      );
      const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
      return { status: 200, headers: { 'content-type': mediaType }, body };
    }
    match = /^\/v2\/(.+)\/blobs\/uploads\/(.*)$/.exec(url.pathname);
    if (match !== null) return this.#upload(request, url, match[1]!, body);
    return missing('UNSUPPORTED');
  }

  #upload(request: IncomingMessage, url: URL, name: string, body: Buffer): Answer {
    if (request.method === 'POST') {
      const mount = url.searchParams.get('mount');
      const blob = this.repositories.get(url.searchParams.get('from') ?? '')?.blobs.get(mount ?? '');
      if (blob !== undefined && !this.options.noMount) {
        this.repository(name).blobs.set(mount!, blob);
        return { status: 201, headers: {} };
      }
      const path = `/v2/${name}/blobs/uploads/${randomUUID()}`;
      this.#uploads.set(path, Buffer.alloc(0));
      // Relative, and with a query that has to stay as it is.
      return { status: 202, headers: { location: `${path}?_state=a%2Bb` } };
    }
    const data = this.#uploads.get(url.pathname);
    if (data === undefined || url.searchParams.get('_state') !== 'a+b') return missing('BLOB_UPLOAD_UNKNOWN');
    const range = `0-${Math.max(0, data.byteLength - 1)}`;
    if (request.method === 'GET') return { status: 204, headers: { range } };
    if (request.method === 'DELETE') {
      this.#uploads.delete(url.pathname);
      return { status: 204, headers: {} };
    }
    if (body.byteLength > (this.options.maxBody ?? Number.POSITIVE_INFINITY))
      return { status: 413, headers: {} };
    const from = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1];
    if (request.method === 'PATCH' && Number(from ?? 0) !== data.byteLength)
      return { status: 416, headers: { range } };
    const whole = Buffer.concat([data, body]);
    if (request.method === 'PATCH') {
      this.#uploads.set(url.pathname, whole);
      return {
        status: 202,
        headers: {
          location: `http://${this.host}${url.pathname}${url.search}`,
          range: `0-${whole.byteLength - 1}`,
        },
      };
    }
    const digest = url.searchParams.get('digest')!;
    if (digestOf(whole) !== digest) return missing('DIGEST_INVALID', 400);
    this.#uploads.delete(url.pathname);
    this.repository(name).blobs.set(digest, whole);
    return { status: 201, headers: { 'docker-content-digest': digest } };
  }
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: Buffer;
}

function refuse(challenge: string): Answer {
  const body = Buffer.from('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
  return { status: 401, headers: { 'www-authenticate': challenge }, body };
}

function missing(code: string, status = 404): Answer {
  return {
    status,
    headers: {},
    body: Buffer.from(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] })),
  };
}

function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body?: Buffer,
): void {
  const length = body === undefined ? {} : { 'content-length': String(body.byteLength) };
  response.writeHead(status, { ...length, ...headers });
  response.end(body);
}

function digestOf(data: Buffer): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
