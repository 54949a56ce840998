import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { hostName } from './endpoint.ts';
import { proxyAuthorization, proxyFor, TunnelAgent } from './proxy.ts';
import { isUntrusted, systemTrust, trustFor } from './trust.ts';

/** A body that can be sent again when a request is repeated. */
export interface StreamBody {
  /** Bytes that `open` gives. */
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
  /** Give up when nothing moves for so long (milliseconds). */
  idleMs?: number;
}

export interface HttpResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Must be read to its end, or destroyed. */
  stream: Readable;
  url: URL;
}

const IDLE_MS = 60_000;
/** A server that is there takes a connection within that time. */
const CONNECT_MS = 30_000;
const MAX_SOCKETS = 16;

/**
 * Plain HTTP over Node's own client: no redirects, no retries, no authorisation, but pooled connections,
 * proxies and certificates by the environment. (`fetch` would cost start-up time, and in Node 20 knows
 * neither proxies nor a request body that streams with a length.)
 */
export class Http {
  readonly #agents = new Map<string, HttpAgent | HttpsAgent>();
  /** Hosts (with port) that Node's own authorities do not vouch for, and maybe the system's. */
  readonly #systemTrusted = new Set<string>();

  constructor(
    private readonly env: NodeJS.ProcessEnv,
    /** Accept any certificate of these hosts (`host[:port]`). */
    private readonly unverified: (host: string) => boolean = () => false,
  ) {}

  /** Sends a request; resolves with the response as soon as its headers are there. */
  send(request: HttpRequest): Promise<HttpResponse> {
    const { url, body } = request;
    return new Promise((resolve, reject) => {
      // Digests and sizes are those of what is stored, and some servers compress whatever they may.
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
        // A request with a body hears of it twice.
        if (failed) return;
        failed = true;
        if (tried || !isUntrusted(error)) return reject(error);
        this.#systemTrusted.add(url.host);
        this.send(request).then(resolve, reject);
      };
      req.on('error', fail);
      req.on('response', (stream) => {
        // Errors after the headers reach whoever reads the body; a body that nobody reads must not throw.
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
    const proxy = proxyFor(url, this.env);
    const host = hostName(url.hostname);
    if (url.protocol === 'https:') {
      const system = this.#systemTrusted.has(url.host);
      const agent = this.#agent(`https ${system} ${proxy?.href ?? ''} ${url.host}`, () => {
        const trust = trustFor(url.host, this.env, system ? systemTrust(this.env) : undefined);
        const tls = {
          // Made once: reading a hundred certificates for each connection would take longer than most requests.
          ...(Object.keys(trust).length > 0 ? { secureContext: createSecureContext(trust) } : {}),
          ...(this.unverified(url.host) ? { rejectUnauthorized: false } : {}),
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
    // A proxy takes plain requests whole, with the full URL as their path.
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

/**
 * The body of a small response.
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
      throw new RangeError(`the answer has more than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Lets the connection be used again after a response whose body does not matter; a long one is cut off. */
export function discard(response: HttpResponse): void {
  const length = Number(response.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (length <= 1 << 16) response.stream.resume();
  else response.stream.destroy();
}
