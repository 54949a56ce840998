import { existsSync, readFileSync } from 'node:fs';
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { JettisonError } from '../errors/error.ts';

/** An engine's address. */
type Address = { socketPath: string } | { url: URL };

const HINT = 'Start Docker or Podman, or set DOCKER_HOST to its address.';

/** Docker's HTTP API, as Docker and Podman offer it. */
export class EngineApi {
  readonly #address: Address;
  readonly #env: NodeJS.ProcessEnv;
  readonly #signal: AbortSignal;

  private constructor(address: Address, env: NodeJS.ProcessEnv, signal: AbortSignal) {
    this.#address = address;
    this.#env = env;
    this.#signal = signal;
  }

  /**
   * The engine of DOCKER_HOST (or CONTAINER_HOST), else the first that answers at the usual sockets.
   *
   * @throws JettisonError `ENGINE_UNREACHABLE`, `ENGINE_UNSUPPORTED`
   */
  static async find(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<EngineApi> {
    const named = env['DOCKER_HOST'] || env['CONTAINER_HOST'];
    const addresses = named
      ? [addressOf(named, env)]
      : usualSockets(env)
          .filter((path) => existsSync(path))
          .map((socketPath) => ({ socketPath }));
    let failure: unknown;
    for (const address of addresses) {
      const api = new EngineApi(address, env, signal);
      try {
        await api.json('/_ping');
        return api;
      } catch (error) {
        failure ??= error;
      }
    }
    signal.throwIfAborted();
    if (failure instanceof JettisonError) throw failure;
    throw new JettisonError('ENGINE_UNREACHABLE', 'cannot find a Docker or Podman engine', {
      hint: HINT,
      cause: failure,
    });
  }

  /** Sends a request without a body; undefined for 404. @throws JettisonError `ENGINE_FAILED` */
  async json(path: string, method = 'GET'): Promise<unknown> {
    const response = await this.#send(method, path);
    const text = await bodyOf(response);
    if (response.statusCode === 404) return undefined;
    this.#check(response, text);
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  /** The bytes of an answer; undefined for 404. @throws JettisonError `ENGINE_FAILED` */
  async read(path: string): Promise<Readable | undefined> {
    const response = await this.#send('GET', path);
    if (response.statusCode === 200) return response;
    const text = await bodyOf(response);
    if (response.statusCode === 404) return undefined;
    this.#check(response, text);
    throw engineFailed(`it answers with status ${response.statusCode}`);
  }

  /**
   * Turns a connection over to another protocol, as the engine's BuildKit does for gRPC.
   *
   * @throws JettisonError `ENGINE_UNSUPPORTED` for an engine that does not switch to it
   */
  async upgrade(path: string, protocol: string, headers: OutgoingHttpHeaders = {}): Promise<Duplex> {
    const request = this.#request('POST', path, { ...headers, connection: 'Upgrade', upgrade: protocol });
    const upgraded = new Promise<Duplex>((resolve, reject) => {
      request.on('upgrade', (_, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      request.on('response', (response) => {
        response.resume();
        reject(
          new JettisonError(
            'ENGINE_UNSUPPORTED',
            `the engine does not offer ${protocol} at ${path} (status ${response.statusCode})`,
            { hint: 'Use a Docker engine with BuildKit: version 20.10 or newer.' },
          ),
        );
      });
      request.on('error', reject);
    });
    request.end();
    return this.#reached(() => upgraded);
  }

  /** Sends a tar. @returns the answer's text */
  async sendTar(path: string, tar: AsyncIterable<Buffer>): Promise<string> {
    const response = await this.#send('POST', path, tar);
    const text = await bodyOf(response);
    this.#check(response, text);
    return text;
  }

  #check({ statusCode = 0 }: IncomingMessage, text: string): void {
    if (statusCode < 400) return;
    let message = text.trim();
    try {
      message = (JSON.parse(text) as { message?: string }).message ?? message;
    } catch {
      // Not JSON: the text is the message.
    }
    throw engineFailed(message === '' ? `it answers with status ${statusCode}` : message);
  }

  async #send(method: string, path: string, tar?: AsyncIterable<Buffer>): Promise<IncomingMessage> {
    const request = this.#request(method, path, tar && { 'content-type': 'application/x-tar' });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
    });
    return this.#reached(async () => {
      if (tar === undefined) request.end();
      // An engine may answer and close the connection before it has read everything. The answer has the reason.
      else await Promise.race([pipeline(Readable.from(tar, { objectMode: false }), request), answered]);
      return answered;
    });
  }

  #request(method: string, path: string, headers: OutgoingHttpHeaders = {}): ClientRequest {
    const common = { method, path, headers: { host: 'engine', ...headers }, signal: this.#signal };
    if ('socketPath' in this.#address) {
      return httpRequest({ ...common, socketPath: this.#address.socketPath });
    }
    const url = new URL(path, this.#address.url);
    return url.protocol === 'https:'
      ? httpsRequest(url, { ...common, ...certificates(this.#env) })
      : httpRequest(url, common);
  }

  /** @throws JettisonError `ENGINE_UNREACHABLE` for a connection that fails */
  async #reached<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#signal.throwIfAborted();
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined || error instanceof JettisonError) throw error;
      const where = 'socketPath' in this.#address ? this.#address.socketPath : this.#address.url.host;
      throw new JettisonError('ENGINE_UNREACHABLE', `the engine at ${where} cannot be reached (${code})`, {
        hint: code === 'EACCES' ? 'You have no access to its socket: join its group, or use Podman.' : HINT,
        cause: error,
      });
    }
  }
}

export function engineFailed(message: string): JettisonError {
  return new JettisonError('ENGINE_FAILED', `the engine refused the image: ${message}`, {
    hint: "See the engine's log, or load an archive (-o type=docker,dest=FILE) by hand.",
  });
}

function addressOf(host: string, env: NodeJS.ProcessEnv): Address {
  const match = /^(unix|tcp|http|https):\/\/(.+)$/.exec(host);
  if (match === null) {
    throw new JettisonError('ENGINE_UNSUPPORTED', `unsupported engine address "${host}"`, {
      hint: 'Set DOCKER_HOST to unix:///PATH or tcp://HOST:PORT.',
    });
  }
  const [, scheme, rest] = match;
  if (scheme === 'unix') return { socketPath: rest! };
  const tls = scheme === 'https' || (scheme === 'tcp' && Boolean(env['DOCKER_TLS_VERIFY']));
  return { url: new URL(`${tls ? 'https' : 'http'}://${rest}`) };
}

function usualSockets(env: NodeJS.ProcessEnv): string[] {
  const own = env['XDG_RUNTIME_DIR'];
  return [
    '/var/run/docker.sock',
    ...(own ? [join(own, 'docker.sock'), join(own, 'podman', 'podman.sock')] : []),
    '/run/podman/podman.sock',
  ];
}

/** Docker's certificate files for TLS. */
function certificates(env: NodeJS.ProcessEnv): Record<string, Buffer> {
  const folder = env['DOCKER_CERT_PATH'] || join(env['HOME'] ?? '', '.docker');
  const found: Record<string, Buffer> = {};
  for (const name of ['ca', 'cert', 'key']) {
    const path = join(folder, `${name}.pem`);
    if (existsSync(path)) found[name] = readFileSync(path);
  }
  return found;
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}
