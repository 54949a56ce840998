import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { JettisonError } from '../errors/error.ts';
import { hostName } from './endpoint.ts';
import { proxyAuthorization, proxyFor, TunnelAgent } from './proxy.ts';
import { DEFAULT_RETRY, minimumRate, type Patience } from './retry.ts';
import { type HostTrust, isUntrusted, systemTrust, trustFor } from './trust.ts';

/** A request body that can be sent again in a retry. */
export interface StreamBody {
  /** Bytes of the stream that `open` returns. */
  length: number;
  open(): Readable;
}

export interface HttpRequest {
  method: string;
  url: URL;
  /** Names in lower case. */
  headers?: Record<string, string>;
  body?: Uint8Array | StreamBody;
  signal?: AbortSignal | undefined;
  /** Abort when no byte moves for this long (milliseconds). */
  idleMs?: number;
  /** Abort below this rate; default: that of `DEFAULT_RETRY` and `JETTISON_MIN_RATE`. */
  floor?: RateFloor;
}

export interface HttpResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** The caller must read it to its end, or destroy it. */
  stream: Readable;
  url: URL;
}

const IDLE_MS = 60_000;
/** Timeout for establishing a connection. */
const CONNECT_MS = 30_000;
const MAX_SOCKETS = 16;

/**
 * Plain HTTP over Node's own client: no redirects, retries or authorisation, but pooled connections, and proxies and
 * certificates from the environment. (`fetch` would cost start-up time, and in Node 20 supports neither proxies nor a
 * streamed request body with a length.)
 */
export class Http {
  readonly #env: NodeJS.ProcessEnv;
  /** By host (`host[:port]`): whether any certificate is accepted, and certificates from configuration files. */
  readonly #hosts: {
    unverified?: (host: string) => boolean;
    trust?: (host: string) => HostTrust | undefined;
  };
  readonly #agents = new Map<string, HttpAgent | HttpsAgent>();
  /** Hosts (with port) whose certificates Node's own authorities did not verify: the system's are tried. */
  readonly #systemTrusted = new Set<string>();

  constructor(
    env: NodeJS.ProcessEnv,
    hosts: {
      unverified?: (host: string) => boolean;
      trust?: (host: string) => HostTrust | undefined;
    } = {},
  ) {
    this.#env = env;
    this.#hosts = hosts;
  }

  /** Sends a request; resolves once the response's headers have arrived. */
  send(request: HttpRequest): Promise<HttpResponse> {
    const { url, body } = request;
    return new Promise((resolve, reject) => {
      // Without compression in transit: digests and sizes are those of the stored bytes.
      const common = { 'user-agent': 'jettison', 'accept-encoding': 'identity' };
      const headers: Record<string, string> = { ...common, ...request.headers };
      if (body !== undefined)
        headers['content-length'] = String('open' in body ? body.length : body.byteLength);
      else if (request.method !== 'GET' && request.method !== 'HEAD') headers['content-length'] = '0';
      const req = this.#open(url, {
        method: request.method,
        headers,
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const idleMs = request.idleMs ?? IDLE_MS;
      req.setTimeout(idleMs, () => {
        const seconds = Math.round(idleMs / 1000);
        req.destroy(Object.assign(new Error(`nothing was received for ${seconds} s`), { code: 'ETIMEDOUT' }));
      });
      req.once('socket', (socket) => {
        if (!socket.connecting) return;
        const patience = setTimeout(
          () => req.destroy(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' })),
          Math.min(idleMs, CONNECT_MS),
        );
        for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(patience));
      });
      const tried = this.#systemTrusted.has(url.host);
      let failed = false;
      const fail = (error: Error) => {
        // A request with a body emits the error twice.
        if (failed) return;
        failed = true;
        if (tried || !isUntrusted(error)) return reject(error);
        this.#systemTrusted.add(url.host);
        this.send(request).then(resolve, reject);
      };
      req.on('error', fail);
      const floor = request.floor ?? { ...DEFAULT_RETRY, ...minimumRate(this.#env) };
      // The idle timeout does not catch a server that sends the headers byte by byte.
      let patience: NodeJS.Timeout | undefined;
      req.on('finish', () => {
        patience = setTimeout(() => req.destroy(tooSlow(url, floor)), idleMs + CONNECT_MS);
        patience.unref();
      });
      req.on('close', () => clearTimeout(patience));
      req.on('socket', (socket) => {
        if (body !== undefined)
          watchRate(floor, () => (req.writableFinished ? undefined : sent(req, socket)), req, url);
      });
      req.on('response', (stream) => {
        clearTimeout(patience);
        const { socket } = stream;
        watchRate(floor, () => (stream.readableLength > 0 ? undefined : socket.bytesRead), stream, url);
        // The body's reader gets errors after the headers; without a reader they must not be uncaught.
        stream.on('error', () => {});
        resolve({ status: stream.statusCode!, headers: stream.headers, stream, url });
      });
      if (body === undefined) req.end();
      else if ('open' in body) pipeline(body.open(), req, (error) => error && fail(error));
      else req.end(body);
    });
  }

  /** Closes idle connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #open(url: URL, options: RequestOptions): ClientRequest {
    const proxy = proxyFor(url, this.#env);
    const host = hostName(url.hostname);
    if (url.protocol === 'https:') {
      const system = this.#systemTrusted.has(url.host);
      const agent = this.#agent(`https ${system} ${proxy?.href ?? ''} ${url.host}`, () => {
        const trust = trustFor(
          url.host,
          this.#env,
          system ? systemTrust(this.#env) : undefined,
          this.#hosts.trust?.(url.host),
        );
        const tls = {
          // Created once: parsing a hundred certificates per connection would take longer than most requests.
          ...(Object.keys(trust).length > 0 ? { secureContext: createSecureContext(trust) } : {}),
          ...(this.#hosts.unverified?.(url.host) ? { rejectUnauthorized: false } : {}),
          keepAlive: true,
          maxSockets: MAX_SOCKETS,
        };
        return proxy === undefined ? new HttpsAgent(tls) : new TunnelAgent(proxy, tls);
      });
      return httpsRequest({
        ...options,
        agent,
        host,
        port: url.port || 443,
        path: url.pathname + url.search,
      });
    }
    const agent = this.#agent(`http ${proxy?.href ?? ''}`, () =>
      proxy?.protocol === 'https:'
        ? new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS })
        : new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    );
    if (proxy === undefined) {
      return httpRequest({ ...options, agent, host, port: url.port || 80, path: url.pathname + url.search });
    }
    // A proxy gets plain http requests with the full URL as their path.
    const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
    return send({
      ...options,
      agent,
      host: hostName(proxy.hostname),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      path: url.href,
      headers: { ...options.headers, host: url.host, ...proxyAuthorization(proxy) },
    });
  }

  #agent(key: string, make: () => HttpAgent | HttpsAgent): HttpAgent | HttpsAgent {
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = make();
      this.#agents.set(key, agent);
    }
    return agent;
  }
}

/** The minimum rate of a body: see `Patience`. */
export type RateFloor = Pick<Patience, 'minRate' | 'rateMs'>;

/**
 * Aborts a transfer below the minimum rate. Counts only the time spent waiting for the other side.
 *
 * @param count bytes so far; undefined while the other side waits for this one
 */
function watchRate(
  floor: RateFloor,
  count: () => number | undefined,
  stream: Readable | ClientRequest,
  url: URL,
): void {
  const { minRate, rateMs } = floor;
  if (minRate === 0) return;
  const first = count() ?? 0;
  const tick = Math.min(1000, rateMs / 4);
  let waitedMs = 0;
  const timer = setInterval(() => {
    const moved = count();
    if (moved === undefined) return;
    waitedMs += tick;
    if (waitedMs < rateMs || ((moved - first) * 1000) / waitedMs >= minRate) return;
    stream.destroy(tooSlow(url, floor));
  }, tick);
  timer.unref();
  stream.once('close', () => clearInterval(timer));
}

/** Bytes of a request body sent so far; undefined while none are queued. */
function sent(req: ClientRequest, socket: Socket): number | undefined {
  return req.writableLength === 0 && socket.writableLength === 0
    ? undefined
    : socket.bytesWritten - socket.writableLength;
}

/** Not retried: a slow server would be retried endlessly. */
export function tooSlow({ host }: URL, { minRate, rateMs }: RateFloor): JettisonError {
  const rate = `${minRate} bytes a second over ${rateMs / 1000} s`;
  return new JettisonError('REGISTRY_TOO_SLOW', `${host} is too slow: below ${rate}`, {
    hint: 'Try again, or from another network; JETTISON_MIN_RATE=BYTES/SECONDS sets the limit, 0 turns it off.',
    details: { host },
  });
}

/**
 * Reads the body of a small response.
 *
 * @throws Error when it is longer than `limit` bytes
 */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.stream as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > limit) {
      response.stream.destroy();
      throw new RangeError(`the response is larger than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Drops a response's body so that the connection can be reused; a long body is aborted. */
export function discard(response: HttpResponse): void {
  const length = Number(response.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (length <= 1 << 16) response.stream.resume();
  else response.stream.destroy();
}
