import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { MEDIA } from '../../src/image/types.ts';
import { Http } from '../../src/registry/http.ts';
import { fetchBlob } from '../../src/registry/pull.ts';
import { Registries, type RegistryOptions } from '../../src/registry/registries.ts';
import { download } from '../../src/remote/http-download.ts';
import { makeStore, type TestStore } from '../support/images.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A server for everything that a test makes of it; `url` has no name that counts as loopback. */
class Hostile {
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(answer: RequestListener, tls?: { key: string; cert: string }): Promise<Hostile> {
    const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Hostile(server, (server.address() as AddressInfo).port);
  }

  async close(): Promise<void> {
    (this.server as import('node:http').Server).closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('hostile registries', () => {
  let folder: string;
  let tls: { key: string; cert: string };
  let test: TestStore;
  const servers: { close(): unknown }[] = [];

  beforeAll(() => {
    folder = tempDir();
    const files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
    // The proxy of these tests is what makes the name lead here.
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=registry.test',
        '-addext',
        'subjectAltName=DNS:registry.test',
        '-keyout',
        files.key,
        '-out',
        files.cert,
      ],
      { stdio: 'ignore' },
    );
    tls = { key: readFileSync(files.key, 'utf8'), cert: readFileSync(files.cert, 'utf8') };
  });
  beforeEach(() => {
    test = makeStore();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    test.remove();
  });

  const start = async (answer: RequestListener, secure = false) => {
    const server = await Hostile.start(answer, secure ? tls : undefined);
    servers.push(server);
    return server;
  };
  /** Everything that is asked for of a host leads to this machine. */
  const proxy = async () => {
    const server = createServer();
    server.on('connect', async (request, socket) => {
      const { connect } = await import('node:net');
      const there = connect(Number(request.url!.split(':').at(-1)), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        there.pipe(socket).pipe(there);
      });
      for (const one of [there, socket]) one.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push({
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const client = async (options: RegistryOptions = {}) => {
    const registries = new Registries({
      env: { HTTPS_PROXY: await proxy(), SSL_CERT_FILE: join(folder, 'cert.pem'), HOME: folder },
      credentials: { lookup: async () => undefined, problems: [] },
      ...options,
      retry: { attempts: 3, firstWaitMs: 1, ...options.retry },
    });
    servers.push(registries);
    return registries;
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: { mediaType: MEDIA.ociConfig, digest: sha256('c'), size: 1 },
      layers: [],
    }),
  );

  describe('that lead from https to http', () => {
    const asked: string[] = [];
    let plain: Hostile;
    beforeEach(async () => {
      asked.length = 0;
      plain = await start((request, response) => {
        asked.push(request.url!);
        response.writeHead(200, { 'content-type': MEDIA.ociManifest }).end(manifest);
      });
    });

    it('are not followed for a tag', async () => {
      const server = await start((_, response) => {
        response.writeHead(307, { location: `http://127.0.0.1:${plain.port}/m` }).end();
      }, true);
      const registries = await client();
      const repository = await registries.repository(parseReference(`registry.test:${server.port}/app`));
      await expect(repository.manifest('latest')).rejects.toMatchObject({ code: 'REGISTRY_INSECURE' });
      expect(asked).toEqual([]);
    });

    it('are followed where the registry is configured as insecure', async () => {
      const server = await start((_, response) => {
        response.writeHead(307, { location: `http://127.0.0.1:${plain.port}/m` }).end();
      }, true);
      const registries = await client({ insecure: true });
      const repository = await registries.repository(parseReference(`registry.test:${server.port}/app`));
      await expect(repository.manifest('latest')).resolves.toMatchObject({ bytes: manifest });
    });

    it('get no token, and none is asked for', async () => {
      const server = await start((_, response) => {
        const realm = `Bearer realm="http://127.0.0.1:${plain.port}/token",service="s"`;
        response.writeHead(401, { 'www-authenticate': realm }).end();
      }, true);
      const registries = await client();
      const repository = await registries.repository(parseReference(`registry.test:${server.port}/app`));
      await expect(repository.manifest('latest')).rejects.toMatchObject({ code: 'REGISTRY_INSECURE' });
      expect(asked).toEqual([]);
    });
  });

  describe('that trickle', () => {
    const content = Buffer.alloc(100_000);
    const blob = { mediaType: MEDIA.ociLayer, digest: sha256(content), size: content.length };
    /** A byte every 20 ms: never idle. */
    const trickle: RequestListener = (request, response) => {
      response.writeHead(200, { 'content-length': content.length, 'content-type': MEDIA.ociManifest });
      const timer = setInterval(() => response.write('{'), 20);
      response.on('close', () => clearInterval(timer));
      request.resume();
    };
    const retry = { minRate: 1000, rateMs: 300 };

    it('a layer, a manifest, a token are given up, and not tried again', async () => {
      let requests = 0;
      const server = await start((request, response) => {
        requests++;
        trickle(request, response);
      });
      const registries = await client({ retry });
      const reference = parseReference(`127.0.0.1:${server.port}/app`);
      await expect(fetchBlob(test.store, registries, reference, blob)).rejects.toMatchObject({
        code: 'REGISTRY_TOO_SLOW',
        hint: expect.stringContaining('JETTISON_MIN_RATE'),
      });
      expect(requests).toBe(1);
      const repository = await registries.repository(reference);
      await expect(repository.manifest('latest')).rejects.toMatchObject({ code: 'REGISTRY_TOO_SLOW' });
      const realm = await start((_, response) => {
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://127.0.0.1:${server.port}/token"` })
          .end();
      });
      const other = await registries.repository(parseReference(`127.0.0.1:${realm.port}/app`));
      await expect(other.manifest('latest')).rejects.toMatchObject({ code: 'REGISTRY_TOO_SLOW' });
    });

    it('a layer with a little in each connection are given up', async () => {
      const server = await start((request, response) => {
        const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
        const range = `bytes ${from}-${content.length - 1}/${content.length}`;
        response.writeHead(206, { 'content-length': content.length - from, 'content-range': range });
        response.write(content.subarray(from, from + 5), () => setTimeout(() => response.destroy(), 20));
      });
      const registries = await client({ retry });
      await expect(
        fetchBlob(test.store, registries, parseReference(`127.0.0.1:${server.port}/app`), blob),
      ).rejects.toMatchObject({ code: 'REGISTRY_TOO_SLOW' });
    });

    it('downloads of ADD are aborted, by JETTISON_MIN_RATE', async () => {
      const server = await start(trickle);
      const http = new Http({ JETTISON_MIN_RATE: '1000/0.3' });
      servers.push(http);
      const url = `http://127.0.0.1:${server.port}/file`;
      await expect(download(url, undefined, { layout: test.store.layout, http })).rejects.toMatchObject({
        code: 'REGISTRY_TOO_SLOW',
      });
    });

    it.each(['-1', 'fast', '10/0', '10/'])('an invalid limit %j is an error', (setting) => {
      expect(() => new Registries({ env: { JETTISON_MIN_RATE: setting } })).toThrow(
        /invalid JETTISON_MIN_RATE/,
      );
    });
  });
});
