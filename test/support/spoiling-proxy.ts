import { randomUUID } from 'node:crypto';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What goes wrong with one request on its way to a registry, or with the answer on its way back. */
export type Spoiling =
  /** The connection is reset; the registry never hears of the request. */
  | { kind: 'reset' }
  /** What comes back is not HTTP. */
  | { kind: 'garbage' }
  /** Nothing comes back at all. */
  | { kind: 'silence' }
  /** The proxy answers by itself. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** So much of the request's body reaches the registry, then both connections are reset. */
  | { kind: 'cut-request'; after: number }
  /** One byte of the request's body is another. */
  | { kind: 'corrupt-request'; at: number }
  /** The registry does what it was asked for, and the connection is reset. */
  | { kind: 'lost-answer' }
  | { kind: 'late-answer'; ms: number }
  /** The answer comes in pieces. */
  | { kind: 'drip'; pieces: number; ms: number }
  /** The connection is reset in the middle of the answer's body. */
  | { kind: 'cut-answer'; after: number }
  /** The answer's body ends early, and says that it is so long. */
  | { kind: 'short-answer'; after: number }
  /** The answer promises more than comes. */
  | { kind: 'long-answer'; more: number }
  | { kind: 'corrupt-answer'; at: number }
  /** Headers of the answer are missing (undefined) or others. */
  | { kind: 'headers'; change: Record<string, string | undefined> }
  /** A blob is to be had from another host. */
  | { kind: 'redirect' }
  /** No token that was given so far is good any more. */
  | { kind: 'forget-tokens' };

export interface SpoilingProxyOptions {
  port: number;
  /** What the registry itself wants to hear as `Authorization`, when the proxy is who checks its users. */
  upstream?: string;
  /** The proxy gives tokens to this user, and lets nobody in without one. */
  tokensFor?: { username: string; password: string };
  /** Decides what happens to each request, in order. */
  spoil: (request: { method: string; path: string }) => Spoiling | undefined;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** An HTTP proxy on the loopback interface before a registry, which spoils what goes through it. */
export class SpoilingProxy {
  /** What clients take for the registry. */
  host = '';
  /** Requests that took credentials to another host than the registry's. */
  leaks = 0;
  /** What was spoilt so far, by kind. */
  readonly spoilt = new Map<string, number>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #servers: Server[] = [];
  #elsewhere = '';
  #tokens = new Set<string>();

  private constructor(private readonly options: SpoilingProxyOptions) {}

  static async start(options: SpoilingProxyOptions): Promise<SpoilingProxy> {
    const proxy = new SpoilingProxy(options);
    proxy.host = `127.0.0.1:${await proxy.#listen((request, response) => proxy.#serve(request, response))}`;
    proxy.#elsewhere = `127.0.0.1:${await proxy.#listen(async (request, response) => {
      if (request.headers.authorization !== undefined) proxy.leaks++;
      await proxy.#serve(request, response);
    })}`;
    return proxy;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #listen(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
    const server = createServer((request, response) => {
      handle(request, response).catch(() => request.socket.destroy());
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [method, path] = [request.method!, request.url!];
    const spoiling = this.options.spoil({ method, path });
    if (spoiling !== undefined) this.spoilt.set(spoiling.kind, (this.spoilt.get(spoiling.kind) ?? 0) + 1);
    switch (spoiling?.kind) {
      case 'reset':
        request.socket.resetAndDestroy();
        return;
      case 'garbage':
        request.socket.end('220 mail.example.com ESMTP\r\n');
        return;
      case 'silence':
        request.resume();
        return;
      case 'status':
        request.resume();
        response.writeHead(spoiling.status, spoiling.headers);
        response.end(spoiling.body ?? '');
        return;
      case 'forget-tokens':
        this.#tokens = new Set();
        break;
    }
    const answer = await this.#answer(request, spoiling);
    if (answer === undefined || spoiling?.kind === 'lost-answer') request.socket.resetAndDestroy();
    else await this.#send(request, response, answer, spoiling);
  }

  /** @returns undefined when the request did not get through */
  async #answer(request: IncomingMessage, spoiling: Spoiling | undefined): Promise<Answer | undefined> {
    const fromElsewhere = request.headers.host === this.#elsewhere;
    const { tokensFor } = this.options;
    if (request.url!.startsWith('/token')) return this.#token(request);
    if (tokensFor !== undefined && !fromElsewhere) {
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      if (token === undefined || !this.#tokens.has(token)) {
        request.resume();
        return json(401, '{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}', {
          'www-authenticate': `Bearer realm="http://${this.host}/token",service="test"`,
        });
      }
    }
    const isBlob = request.method === 'GET' && /\/blobs\/sha256:/.test(request.url!);
    if (spoiling?.kind === 'redirect' && isBlob && !fromElsewhere) {
      return json(307, '', { location: `http://${this.#elsewhere}${request.url}` });
    }
    return this.#forward(request, spoiling);
  }

  #token(request: IncomingMessage): Answer {
    request.resume();
    const { tokensFor } = this.options;
    const login = Buffer.from(`${tokensFor?.username}:${tokensFor?.password}`).toString('base64');
    if (request.headers.authorization !== `Basic ${login}`) return json(401, '{"details":"wrong password"}');
    const token = randomUUID();
    this.#tokens.add(token);
    return json(200, JSON.stringify({ token, expires_in: 300 }));
  }

  #forward(request: IncomingMessage, spoiling: Spoiling | undefined): Promise<Answer | undefined> {
    const { port, upstream } = this.options;
    const headers = { ...request.headers, ...(upstream === undefined ? {} : { authorization: upstream }) };
    // Where the registry gives absolute URLs they have to lead through here.
    headers.host = this.host;
    return new Promise((resolve) => {
      const onward = httpRequest({
        host: '127.0.0.1',
        port,
        method: request.method!,
        path: request.url!,
        headers,
        agent: this.#agent,
      });
      onward.on('error', () => resolve(undefined));
      onward.on('response', async (response) => {
        const chunks: Buffer[] = [];
        try {
          for await (const chunk of response) chunks.push(chunk as Buffer);
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) });
        } catch {
          resolve(undefined);
        }
      });
      let passed = 0;
      request.on('data', (chunk: Buffer) => {
        const before = passed;
        passed += chunk.byteLength;
        if (spoiling?.kind === 'corrupt-request' && spoiling.at >= before && spoiling.at < passed) {
          chunk[spoiling.at - before]! ^= 1;
        }
        if (spoiling?.kind === 'cut-request' && passed > spoiling.after) {
          onward.write(chunk.subarray(0, Math.max(0, spoiling.after - before)), () => {
            onward.destroy();
            resolve(undefined);
          });
        } else onward.write(chunk);
      });
      request.on('end', () => onward.end());
      request.on('error', () => onward.destroy());
    });
  }

  async #send(
    { method, socket }: IncomingMessage,
    response: ServerResponse,
    { status, headers, body }: Answer,
    spoiling: Spoiling | undefined,
  ): Promise<void> {
    const sent: IncomingHttpHeaders = { ...headers };
    delete sent['transfer-encoding'];
    if (method !== 'HEAD') sent['content-length'] = String(body.byteLength);
    let data = body;
    switch (spoiling?.kind) {
      case 'late-answer':
        await sleep(spoiling.ms);
        break;
      case 'headers':
        for (const [name, value] of Object.entries(spoiling.change)) {
          if (value === undefined) delete sent[name];
          else sent[name] = value;
        }
        break;
      case 'corrupt-answer':
        data = Buffer.from(body);
        if (spoiling.at < data.byteLength) data[spoiling.at]! ^= 1;
        break;
      case 'short-answer':
        data = body.subarray(0, spoiling.after);
        if (method !== 'HEAD') sent['content-length'] = String(data.byteLength);
        break;
      case 'long-answer':
        sent['content-length'] = String(Number(sent['content-length'] ?? 0) + spoiling.more);
        sent.connection = 'close';
        break;
      case 'cut-answer':
        data = body.subarray(0, spoiling.after);
        break;
    }
    response.writeHead(status, sent);
    if (method === 'HEAD') response.end();
    else if (spoiling?.kind === 'cut-answer') {
      response.flushHeaders();
      if (data.byteLength === 0) setImmediate(() => socket.resetAndDestroy());
      else response.write(data, () => socket.resetAndDestroy());
    } else if (spoiling?.kind === 'long-answer') {
      response.flushHeaders();
      if (data.byteLength === 0) setImmediate(() => socket.end());
      else response.write(data, () => socket.end());
    } else if (spoiling?.kind === 'drip') {
      const step = Math.ceil(data.byteLength / spoiling.pieces) || 1;
      for (let at = 0; at < data.byteLength; at += step) {
        response.write(data.subarray(at, at + step));
        await sleep(spoiling.ms);
      }
      response.end();
    } else response.end(data);
  }
}

function json(status: number, text: string, headers: IncomingHttpHeaders = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(text) };
}
