import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { type Descriptor, type Manifest, MEDIA } from '../../src/image/types.ts';
import { verifyLogin } from '../../src/registry/login.ts';
import { fetchLayers, pullImage } from '../../src/registry/pull.ts';
import { pushImage } from '../../src/registry/push.ts';
import { Registries } from '../../src/registry/registries.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { HAS_REGISTRY, ME, type RunningRegistry, startRegistry } from '../support/registry-program.ts';
import { type ConnectionFault, FaultyProxy } from '../support/tcp-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const HAS_SKOPEO = spawnSync('skopeo', ['--version']).status === 0;

describe("Distribution's registry", () => {
  let folder: string;
  let store: Store;
  let open: RunningRegistry;
  let closed: RunningRegistry;
  const clients: Registries[] = [];

  beforeAll(async () => {
    if (!HAS_REGISTRY) return;
    folder = tempDir();
    open = await startRegistry(folder);
    closed = await startRegistry(folder, { closed: true });
  });
  afterAll(() => {
    if (!HAS_REGISTRY) return;
    open.process.kill();
    closed.process.kill();
  });
  beforeEach((ctx) => {
    ctx.skip(!HAS_REGISTRY, 'docker-registry is not installed');
    store = openStore({ home: mkdtempSync(join(folder, 'store-')) });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    store?.close();
  });

  const client = (login?: typeof ME) => {
    const credentials = login && { kind: 'password' as const, ...login, origin: 'test' };
    const registries = new Registries({
      env: {},
      credentials: { lookup: async () => credentials, problems: [] },
      retry: { attempts: 6, firstWaitMs: 1, maxWaitMs: 2000 },
    });
    clients.push(registries);
    return registries;
  };
  const image = (layers: Buffer[]): Descriptor => {
    const blobs = layers.map((layer) => ({ mediaType: MEDIA.ociLayer, ...store.blobs.write(layer) }));
    const rootfs = { type: 'layers', diff_ids: blobs.map(({ digest }) => digest) };
    const config = store.blobs.writeJson({ ...AMD64, config: {}, rootfs }, MEDIA.ociConfig);
    const manifest: Manifest = { schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers: blobs };
    return store.blobs.writeJson(manifest, MEDIA.ociManifest);
  };
  /** Pulls the image into an empty store, which checks every digest. */
  const expectReadable = async (registries: Registries, name: string, { digest }: Descriptor) => {
    const other = openStore({ home: mkdtempSync(join(folder, 'other-')) });
    const pulled = await pullImage(other, registries, parseReference(name), AMD64);
    expect(pulled.descriptor.digest).toBe(digest);
    await fetchLayers(other, registries, pulled);
    for (const layer of pulled.manifest.layers)
      expect(sha256(other.blobs.read(layer.digest))).toBe(layer.digest);
    rmSync(other.layout.home, { recursive: true });
  };

  it('stores pushed images, which can be pulled again', async () => {
    const name = `localhost:${open.port}/team/app:1`;
    const descriptor = image([Buffer.from('small'), randomBytes(3 << 20)]);
    const { uploaded } = await pushImage(store, client(), parseReference(name), descriptor);
    expect(uploaded).toBeGreaterThan(3 << 20);
    await expectReadable(client(), name, descriptor);
    expect((await pushImage(store, client(), parseReference(name), descriptor)).uploaded).toBe(0);
  });

  it('mounts the layers of a base that was never downloaded', async () => {
    const registries = client();
    const base = parseReference(`localhost:${open.port}/base:1`);
    const layer = randomBytes(2 << 20);
    await pushImage(store, registries, base, image([layer]));
    store = openStore({ home: mkdtempSync(join(folder, 'store-')) });
    const pulled = await pullImage(store, registries, base, AMD64);
    const name = `localhost:${open.port}/mounted:1`;
    const { uploaded } = await pushImage(store, registries, parseReference(name), pulled.descriptor);
    expect(uploaded).toBeLessThan(1000);
    expect(store.blobs.has(sha256(layer))).toBe(false);
    await expectReadable(client(), name, pulled.descriptor);
  });

  it('wants a login where it has users', async () => {
    const registry = `localhost:${closed.port}`;
    const name = `${registry}/team/app:1`;
    const descriptor = image([Buffer.from('secret')]);
    await expect(pushImage(store, client(), parseReference(name), descriptor)).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
    });
    await pushImage(store, client(ME), parseReference(name), descriptor);
    await expectReadable(client(ME), name, descriptor);
    await verifyLogin(registry, ME, { env: {} });
    await expect(verifyLogin(registry, { ...ME, password: 'wrong' }, { env: {} })).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
    });
  });

  it('gets an upload again from the start, not letting a broken one go on', async () => {
    const proxy = await FaultyProxy.start(open.port, () => (proxy.cuts === 0 ? { cutUpAfter: 6 << 20 } : {}));
    try {
      const descriptor = image([randomBytes(8 << 20)]);
      const name = `${proxy.host}/broken:1`;
      await pushImage(store, client(), parseReference(name), descriptor);
      expect(proxy.cuts).toBeGreaterThan(0);
      await expectReadable(client(), name, descriptor);
    } finally {
      await proxy.close();
    }
  });

  it('a transfer over failing connections completes, or fails with a reason', async () => {
    // Pseudo-random, the same in every run.
    let state = 4711;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    const fault = (): ConnectionFault => {
      switch (random(6)) {
        case 0:
          return { cutUpAfter: random(3 << 20) };
        case 1:
          return { cutDownAfter: random(3 << 20) };
        case 2:
          return { cutUpAfter: random(600) };
        case 3:
          return { cutDownAfter: random(600) };
        case 4:
          return { corruptDownAt: 200 + random(3 << 20) };
        default:
          return {};
      }
    };
    const proxy = await FaultyProxy.start(open.port, fault);
    let done = 0;
    try {
      const rounds = Number(process.env['JETTISON_FAULT_ROUNDS'] ?? 40);
      for (let round = 0; round < rounds; round++) {
        const descriptor = image([randomBytes(2 << 20), randomBytes(1000)]);
        const name = `faulty-${round}:1`;
        const registries = client();
        try {
          await pushImage(store, registries, parseReference(`${proxy.host}/${name}`), descriptor);
          await expectReadable(client(), `localhost:${open.port}/${name}`, descriptor);
          await expectReadable(registries, `${proxy.host}/${name}`, descriptor);
          done++;
        } catch (error) {
          expect(error).toMatchObject({ name: 'JettisonError' });
        } finally {
          registries.close();
        }
      }
    } finally {
      await proxy.close();
    }
    expect(done).toBeGreaterThan(Number(process.env['JETTISON_FAULT_ROUNDS'] ?? 40) / 3);
  });

  it('skopeo reads our pushes, and we read pushes of skopeo', async (ctx) => {
    ctx.skip(!HAS_SKOPEO, 'skopeo is not installed');
    const name = `localhost:${open.port}/skopeo:1`;
    const descriptor = image([Buffer.from('layer')]);
    await pushImage(store, client(), parseReference(name), descriptor);
    const copy = `localhost:${open.port}/skopeo-copy:1`;
    const { status, stderr } = spawnSync(
      'skopeo',
      [
        'copy',
        '--src-tls-verify=false',
        '--dest-tls-verify=false',
        '--preserve-digests',
        `docker://${name}`,
        `docker://${copy}`,
      ],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    await expectReadable(client(), copy, descriptor);
  });
});
