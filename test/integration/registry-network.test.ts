import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseReference } from '../../src/image/reference.ts';
import { Registries, type RegistryOptions } from '../../src/registry/registries.ts';
import { FakeRegistry, type FakeRegistryOptions } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

const MANIFEST = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  layers: [],
};

/** An HTTP proxy that knows where `registry.test` is, which nobody else does. */
class TestProxy {
  readonly seen: string[] = [];
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  url = '';

  static async start(authorization?: string, refuse = false): Promise<TestProxy> {
    const proxy = new TestProxy();
    const allowed = ({ headers }: IncomingMessage) =>
      !refuse && (authorization === undefined || headers['proxy-authorization'] === authorization);
    const server = createServer((incoming, outgoing) => {
      proxy.seen.push(`${incoming.method} ${incoming.url}`);
      const { port, pathname } = new URL(incoming.url!);
      if (!allowed(incoming)) {
        outgoing.writeHead(407).end();
        return;
      }
      const { method, headers } = incoming;
      const onward = request({ host: '127.0.0.1', port, path: pathname, method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(onward);
    });
    server.on('connect', (incoming, client) => {
      proxy.seen.push(`CONNECT ${incoming.url}`);
      if (!allowed(incoming)) {
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const port = Number(incoming.url!.split(':')[1]);
      const onward = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(onward).pipe(client);
      });
      for (const socket of [client as Socket, onward]) {
        proxy.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy.#server = server;
    proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

describe('the way to a registry', () => {
  let folder: string;
  let tls: { key: string; cert: string };
  const servers: { close(): Promise<void> | void }[] = [];

  beforeAll(() => {
    folder = tempDir();
    if (!HAS_OPENSSL) return;
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = 'subjectAltName=DNS:registry.test,DNS:localhost,IP:127.0.0.1';
    spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=test', '-addext', names],
    ]);
    tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  });
  beforeEach((ctx) => ctx.skip(!HAS_OPENSSL, 'openssl, which makes the certificates, is not installed'));
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  const start = async (options: FakeRegistryOptions = {}) => {
    const server = await FakeRegistry.start(options);
    servers.push(server);
    server.addManifest('app', 'latest', MANIFEST as never);
    return { server, port: server.host.split(':')[1]! };
  };
  const startProxy = async (authorization?: string, refuse?: boolean) => {
    const proxy = await TestProxy.start(authorization, refuse);
    servers.push(proxy);
    return proxy;
  };
  const read = async (name: string, options: RegistryOptions) => {
    const registries = new Registries({
      credentials: { lookup: async () => undefined, problems: [] },
      retry: { attempts: 2, firstWaitMs: 1 },
      ...options,
    });
    servers.push(registries);
    const { bytes } = await (await registries.repository(parseReference(name))).manifest('latest');
    return JSON.parse(bytes.toString()) as unknown;
  };

  it('goes through a proxy, as the environment says, to an authority that it names', async () => {
    const { port } = await start({ tls });
    const proxy = await startProxy();
    const env = { HTTPS_PROXY: proxy.url, SSL_CERT_FILE: join(folder, 'cert.pem') };
    await read(`registry.test:${port}/app`, { env });
    expect(new Set(proxy.seen)).toEqual(new Set([`CONNECT registry.test:${port}`]));
  });

  it('goes through a proxy that wants a password', async () => {
    const { port } = await start({ tls });
    const proxy = await startProxy(`Basic ${Buffer.from('me:p w').toString('base64')}`);
    const env = {
      HTTPS_PROXY: proxy.url.replace('//', '//me:p%20w@'),
      SSL_CERT_FILE: join(folder, 'cert.pem'),
    };
    await read(`registry.test:${port}/app`, { env });
    await expect(
      read(`registry.test:${port}/app`, { env: { ...env, HTTPS_PROXY: proxy.url } }),
    ).rejects.toMatchObject({ code: 'PROXY_FAILED', message: expect.stringContaining('407') });
  });

  it('goes through a proxy in plain http where that is allowed', async () => {
    const { port } = await start();
    const proxy = await startProxy();
    await read(`registry.test:${port}/app`, {
      env: { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url },
      insecure: true,
    });
    expect(proxy.seen.at(-1)).toBe(`GET http://registry.test:${port}/v2/app/manifests/latest`);
  });

  it('rejects an untrusted certificate, unless it is allowed', async () => {
    const { port } = await start({ tls });
    const proxy = await startProxy();
    const env = { HTTPS_PROXY: proxy.url };
    await expect(read(`registry.test:${port}/app`, { env })).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
      message: expect.stringContaining('depth zero self signed cert'),
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    await read(`registry.test:${port}/app`, { env, insecure: true });
  });

  it("trusts the authorities of Docker's certs.d", async () => {
    const { port } = await start({ tls });
    const proxy = await startProxy();
    const certs = join(folder, '.config/docker/certs.d', `registry.test:${port}`);
    mkdirSync(certs, { recursive: true });
    spawnSync('cp', [join(folder, 'cert.pem'), join(certs, 'ca.crt')]);
    const env = { HTTPS_PROXY: proxy.url, HOME: folder };
    expect(await read(`registry.test:${port}/app`, { env })).toEqual(MANIFEST);
  });

  it('does not wait for ever for a server that does not take connections', async () => {
    // Two wait in its queue, and nobody ever comes to fetch them: the kernel does not answer a third.
    const program = `const server = require('node:net').createServer();
      server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        require('node:fs').writeSync(1, server.address().port + '\\n');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      });`;
    const blocked = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    servers.push({ close: () => void blocked.kill('SIGKILL') });
    const port = Number(String(await once(blocked.stdout, 'data')));
    const waiting = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    servers.push({ close: () => waiting.forEach((socket) => void socket.destroy()) });
    await Promise.all(waiting.map((socket) => once(socket, 'connect')));
    await expect(
      read(`127.0.0.1:${port}/app`, { env: {}, retry: { attempts: 1, idleMs: 200 } }),
    ).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('does not answer'),
    });
  });

  it('is plain http only where that is allowed', async () => {
    const { port } = await start();
    const proxy = await startProxy();
    await expect(
      read(`registry.test:${port}/app`, { env: { HTTPS_PROXY: proxy.url } }),
    ).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
      hint: expect.stringContaining('--registry-insecure'),
    });
  });

  it('is http or https on the loopback interface, whichever is spoken', async () => {
    const plain = await start();
    const secure = await start({ tls });
    expect(await read(`${plain.server.host}/app`, { env: {} })).toEqual(MANIFEST);
    expect(await read(`localhost:${secure.port}/app`, { env: {} })).toEqual(MANIFEST);
  });

  it('says that the proxy is the problem', async () => {
    const proxy = await startProxy();
    await proxy.close();
    await expect(read('registry.test/app', { env: { HTTPS_PROXY: proxy.url } })).rejects.toMatchObject({
      code: 'PROXY_FAILED',
      hint: expect.stringContaining('NO_PROXY'),
    });
  });
});
