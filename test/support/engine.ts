import { createServer } from 'node:http';
import { join } from 'node:path';
import { tempDir } from './temp-dir.ts';

/** An image that an engine has. */
export interface EngineImage {
  Id: string;
  /** Diff ids, lowest first. */
  layers: string[];
}

export interface FakeEngineOptions {
  images?: EngineImage[];
  /** Component that `/version` names: `Engine` is Docker. */
  name?: string;
  /** Error that a load is answered with; undefined takes the archive. */
  refusal?: (archive: Buffer) => string | undefined;
}

/** The part of Docker's API that loading an image takes, on a socket of its own. */
export class FakeEngine {
  readonly seen: { request: string; body: Buffer }[] = [];
  readonly images: EngineImage[];
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // A client that fails half way hangs up.
      return;
    }
    const body = Buffer.concat(chunks);
    const { method, url = '' } = request;
    this.seen.push({ request: `${method} ${url}`, body });
    const { status = 200, value } = this.#answer(url, body);
    response.writeHead(status).end(JSON.stringify(value));
  });

  private constructor(
    private readonly options: FakeEngineOptions,
    private readonly socket: string,
  ) {
    this.images = options.images ?? [];
  }

  static async start(options: FakeEngineOptions = {}): Promise<FakeEngine> {
    const engine = new FakeEngine(options, join(tempDir(), 'engine.sock'));
    await new Promise<void>((resolve) => engine.#server.listen(engine.socket, resolve));
    return engine;
  }

  /** Value of `DOCKER_HOST`. */
  get host(): string {
    return `unix://${this.socket}`;
  }

  /** Archives that it was sent whole. */
  get archives(): Buffer[] {
    return this.seen.filter(({ request }) => request.startsWith('POST /images/load')).map(({ body }) => body);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(url: string, body: Buffer): { status?: number; value: unknown } {
    if (url === '/info') {
      return { value: { Driver: 'overlay2', DriverStatus: [['Backing Filesystem', 'extfs']] } };
    }
    if (url === '/version') return { value: { Components: [{ Name: this.options.name ?? 'Engine' }] } };
    if (url === '/images/json') return { value: this.images };
    if (url.endsWith('/json')) {
      const found = this.images.find(({ Id }) => url.includes(Id));
      if (found === undefined) return { status: 404, value: { message: 'no' } };
      return { value: { RootFS: { Layers: found.layers } } };
    }
    if (url.startsWith('/images/load')) {
      const error = this.options.refusal?.(body);
      return { value: error === undefined ? { stream: 'Loaded' } : { error } };
    }
    return { value: 'OK' };
  }
}
