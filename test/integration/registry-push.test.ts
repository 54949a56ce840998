import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { type Descriptor, type Manifest, MEDIA } from '../../src/image/types.ts';
import { fetchLayers, pullImage } from '../../src/registry/pull.ts';
import { pushImage } from '../../src/registry/push.ts';
import { Registries, type RegistryOptions } from '../../src/registry/registries.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { FakeRegistry, type FakeRegistryOptions, type Fault, type Seen } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };

describe('pushing', () => {
  let home: string;
  let store: Store;
  const servers: FakeRegistry[] = [];
  const clients: Registries[] = [];

  beforeEach(() => {
    home = tempDir();
    store = openStore({ home });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const server of servers.splice(0)) await server.close();
    store.close();
  });

  const start = async (options: FakeRegistryOptions = {}) => {
    const server = await FakeRegistry.start(options);
    servers.push(server);
    return server;
  };
  const client = (options: RegistryOptions = {}) => {
    const registries = new Registries({
      env: {},
      credentials: {
        lookup: async () => ({ kind: 'password', username: 'me', password: 'secret', origin: 'test' }),
        problems: [],
      },
      retry: { attempts: 5, firstWaitMs: 1, maxWaitMs: 2000 },
      ...options,
    });
    clients.push(registries);
    return registries;
  };
  const refer = (server: FakeRegistry, name = 'team/app:1') => parseReference(`${server.host}/${name}`);

  /** Puts an image of these layers into the store. */
  const image = (layers: Buffer[], platform = AMD64): { manifest: Manifest; descriptor: Descriptor } => {
    const blobs = layers.map((layer) => ({ mediaType: MEDIA.ociLayer, ...store.blobs.write(layer) }));
    const rootfs = { type: 'layers', diff_ids: blobs.map(({ digest }) => digest) };
    const config = store.blobs.writeJson({ ...platform, config: {}, rootfs }, MEDIA.ociConfig);
    const manifest: Manifest = { schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers: blobs };
    return { manifest, descriptor: { ...store.blobs.writeJson(manifest, MEDIA.ociManifest), platform } };
  };
  /** Everything that the registry's manifest names is there, with the right content. */
  const expectComplete = (server: FakeRegistry, repository: string, tag: string, descriptor: Descriptor) => {
    const repo = server.repository(repository);
    expect(repo.tags.get(tag)).toBe(descriptor.digest);
    for (const { bytes } of repo.manifests.values()) {
      const { config, layers = [] } = JSON.parse(bytes.toString()) as Partial<Manifest>;
      for (const { digest } of config === undefined ? [] : [config, ...layers]) {
        expect(sha256(repo.blobs.get(digest)!)).toBe(digest);
      }
    }
  };

  it('uploads blobs, then the manifest', async () => {
    const server = await start();
    const { descriptor } = image([Buffer.from('small'), randomBytes(3 << 20)]);
    const states: string[] = [];
    const result = await pushImage(store, client(), refer(server), descriptor, ({ state }) =>
      states.push(state),
    );
    expectComplete(server, 'team/app', '1', descriptor);
    expect(result.digest).toBe(descriptor.digest);
    expect(result.uploaded).toBeGreaterThan(3 << 20);
    expect(server.lines.at(-1)).toBe('PUT /v2/team/app/manifests/1');
    expect(states.filter((state) => state === 'done')).toHaveLength(3);
  });

  it('asks one question when everything is there already', async () => {
    const server = await start();
    const { descriptor } = image([Buffer.from('one')]);
    await pushImage(store, client(), refer(server), descriptor);
    server.seen.length = 0;
    const result = await pushImage(store, client(), refer(server), descriptor);
    expect(result.uploaded).toBe(0);
    expect(server.lines).toEqual(['HEAD /v2/team/app/manifests/1']);
  });

  it('uploads changed blobs only', async () => {
    const server = await start();
    await pushImage(
      store,
      client(),
      refer(server),
      image([Buffer.from('base'), Buffer.from('one')]).descriptor,
    );
    const { descriptor, manifest } = image([Buffer.from('base'), Buffer.from('two')]);
    const { uploaded } = await pushImage(store, client(), refer(server), descriptor);
    expect(uploaded).toBe(manifest.config.size + 3);
    expectComplete(server, 'team/app', '1', descriptor);
  });

  it('has layers of a base mounted that were never downloaded', async () => {
    const server = await start();
    const registries = client();
    const base = image([randomBytes(2 << 20)]);
    await pushImage(store, registries, refer(server, 'base:1'), base.descriptor);

    removeTree(home);
    store = openStore({ home });
    const pulled = await pullImage(store, registries, refer(server, 'base:1'), AMD64);
    const layer = pulled.manifest.layers[0]!;
    const top = image([Buffer.from('top')]);
    const manifest = { ...top.manifest, layers: [layer, ...top.manifest.layers] };
    const descriptor = store.blobs.writeJson(manifest, MEDIA.ociManifest);
    server.seen.length = 0;
    await pushImage(store, registries, refer(server), descriptor);
    expectComplete(server, 'team/app', '1', descriptor);
    expect(store.blobs.has(layer.digest)).toBe(false);
    expect(server.seen.some(({ method, path }) => method === 'GET' && path.includes(layer.digest))).toBe(
      false,
    );
  });

  it('carries such layers over to another registry, and to one that does not mount', async () => {
    const [from, to] = [await start(), await start({ noMount: true })];
    const registries = client();
    for (const server of [from, to]) {
      await pushImage(
        store,
        registries,
        refer(server, 'base:1'),
        image([Buffer.alloc(2 << 20, server.host)]).descriptor,
      );
    }
    removeTree(home);
    store = openStore({ home });
    for (const source of [from, to]) {
      const { descriptor } = await pullImage(store, registries, refer(source, 'base:1'), AMD64);
      await pushImage(store, registries, refer(to, 'copy:1'), descriptor);
      expectComplete(to, 'copy', '1', descriptor);
    }
  });

  it('names the missing blob when a layer is neither in the store nor in a registry', async () => {
    const server = await start();
    const { descriptor, manifest } = image([Buffer.from('gone')]);
    rmSync(store.blobs.path(manifest.layers[0]!.digest));
    await expect(pushImage(store, client(), refer(server), descriptor)).rejects.toMatchObject({
      code: 'BLOB_MISSING',
    });
    expect(server.repository('team/app').tags.size).toBe(0);
  });

  it('pushes an index with its images', async () => {
    const server = await start();
    const manifests = [
      image([Buffer.from('amd64')]).descriptor,
      image([Buffer.from('arm64')], { os: 'linux', architecture: 'arm64' }).descriptor,
    ];
    const index = store.blobs.writeJson(
      { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests },
      MEDIA.ociIndex,
    );
    await pushImage(store, client(), refer(server), index);
    expectComplete(server, 'team/app', '1', index);
    expect(server.repository('team/app').manifests.size).toBe(3);
  });

  it('gets a token that allows it, and one for the repository that it mounts from', async () => {
    const server = await start({ auth: 'bearer', user: { name: 'me', password: 'secret' } });
    const registries = client();
    const { descriptor } = image([Buffer.from('layer')]);
    await pushImage(store, registries, refer(server, 'base:1'), descriptor);
    await pushImage(store, registries, refer(server), descriptor);
    expectComplete(server, 'team/app', '1', descriptor);
    const scopes = server.seen
      .filter(({ path }) => path.startsWith('/token'))
      .map(({ path }) => decodeURIComponent(path));
    expect(
      scopes.some((path) => path.includes('repository:team/app:pull,push&scope=repository:base:pull')),
    ).toBe(true);
  });

  it('says who may not push', async () => {
    const server = await start({
      fault: ({ method }) => (method === 'POST' ? { kind: 'status', status: 403 } : undefined),
    });
    await expect(
      pushImage(store, client(), refer(server), image([Buffer.from('x')]).descriptor),
    ).rejects.toMatchObject({ code: 'REGISTRY_DENIED', hint: expect.stringContaining('jettison login') });
  });

  it('reports a layer that is damaged here instead of pushing it', async () => {
    const server = await start();
    const { descriptor, manifest } = image([Buffer.from('good')]);
    writeFileSync(store.blobs.path(manifest.layers[0]!.digest), 'evil');
    await expect(pushImage(store, client(), refer(server), descriptor)).rejects.toMatchObject({
      code: 'BLOB_MISSING',
      hint: expect.stringContaining('Build, load or pull'),
    });
    expect(server.repository('team/app').tags.size).toBe(0);
  });

  it('fetches a layer that is damaged here from where it came', async () => {
    const server = await start();
    const { descriptor, manifest } = image([Buffer.from('good')]);
    await pushImage(store, client(), refer(server, 'first:1'), descriptor);
    const elsewhere = await start();
    writeFileSync(store.blobs.path(manifest.layers[0]!.digest), 'evil');
    await pushImage(store, client(), refer(elsewhere), descriptor);
    expectComplete(elsewhere, 'team/app', '1', descriptor);
  });

  describe('over bad connections', () => {
    const patches = ({ method }: Seen) => method === 'PATCH';

    it('continues a broken upload where the registry got to', async () => {
      let left = 2;
      const server = await start({
        fault: (seen) => (patches(seen) && left-- > 0 ? { kind: 'cut-upload', after: 1 << 20 } : undefined),
      });
      const { descriptor } = image([randomBytes(5 << 20)]);
      await pushImage(store, client(), refer(server), descriptor);
      expectComplete(server, 'team/app', '1', descriptor);
      const bytes = server.seen.filter(patches).map(({ received }) => received);
      expect(bytes).toHaveLength(3);
      expect(bytes.reduce((sum, count) => sum + count, 0)).toBe(5 << 20);
    });

    it('gives up a registry that takes a little with each connection', async () => {
      const server = await start({
        fault: (seen) => (patches(seen) ? { kind: 'cut-upload', after: 1 << 16 } : undefined),
      });
      const { descriptor } = image([randomBytes(5 << 20)]);
      const patient = { firstWaitMs: 100, minRate: 1e12, rateMs: 200 };
      await expect(
        pushImage(store, client({ retry: patient }), refer(server), descriptor),
      ).rejects.toMatchObject({
        code: 'REGISTRY_TOO_SLOW',
      });
      expect(server.repository('team/app').tags.size).toBe(0);
    });

    it('starts again where the registry forgot the upload', async () => {
      let left = 1;
      const server = await start({
        fault: ({ method }) =>
          method === 'PATCH' && left-- > 0 ? { kind: 'status', status: 404 } : undefined,
      });
      const { descriptor } = image([randomBytes(2 << 20)]);
      await pushImage(store, client(), refer(server), descriptor);
      expectComplete(server, 'team/app', '1', descriptor);
    });

    it('does not repeat a request of which only the response was lost', async () => {
      let left = 1;
      const server = await start({
        fault: ({ method, path }) =>
          method === 'PUT' && path.includes('digest=') && left-- > 0 ? { kind: 'lost-answer' } : undefined,
      });
      const { descriptor } = image([randomBytes(2 << 20)]);
      await pushImage(store, client(), refer(server), descriptor);
      expectComplete(server, 'team/app', '1', descriptor);
      expect(server.seen.filter(patches)).toHaveLength(1);
    });

    it('sends a blob again that was damaged on its way', async () => {
      for (const size of [1000, 2 << 20]) {
        let left = 1;
        const server = await start({
          fault: ({ method, path, headers }) =>
            (method === 'PATCH' || path.includes('digest=')) && Number(headers['content-length']) >= size
              ? left-- > 0
                ? { kind: 'corrupt-upload' }
                : undefined
              : undefined,
        });
        const { descriptor } = image([randomBytes(size)]);
        await pushImage(store, client(), refer(server), descriptor);
        expectComplete(server, 'team/app', '1', descriptor);
      }
    });

    it('does not take one refusal for an answer where the same was allowed before', async () => {
      for (const auth of ['basic', 'bearer', undefined] as const) {
        let left = 1;
        const server = await start({
          ...(auth === undefined ? {} : { auth, user: { name: 'me', password: 'secret' } }),
          fault: ({ method }) =>
            method === 'PUT' && left-- > 0 ? { kind: 'status', status: 401 } : undefined,
        });
        const { descriptor } = image([Buffer.from('layer')]);
        await pushImage(store, client(), refer(server), descriptor);
        expectComplete(server, 'team/app', '1', descriptor);
      }
    });

    it('asks again for a token that arrives damaged', async () => {
      let left = 1;
      const server = await start({
        auth: 'bearer',
        user: { name: 'me', password: 'secret' },
        fault: ({ path }) =>
          path.startsWith('/token') && left-- > 0
            ? { kind: 'status', status: 200, body: '{"tok' }
            : undefined,
      });
      const { descriptor } = image([Buffer.from('layer')]);
      await pushImage(store, client(), refer(server), descriptor);
      expectComplete(server, 'team/app', '1', descriptor);
    });

    it('uploads in pieces where a large request is refused', async () => {
      const server = await start({ maxBody: 16 << 20 });
      const { descriptor } = image([Buffer.alloc(20 << 20)]);
      await pushImage(store, client(), refer(server), descriptor);
      expectComplete(server, 'team/app', '1', descriptor);
    });

    it('gives up with the reason, and leaves no tag', async () => {
      const server = await start({
        fault: (seen) => (patches(seen) ? { kind: 'status', status: 500 } : undefined),
      });
      await expect(
        pushImage(store, client(), refer(server), image([randomBytes(2 << 20)]).descriptor),
      ).rejects.toMatchObject({ code: 'REGISTRY_ERROR', message: expect.stringContaining('answered 500') });
      expect(server.repository('team/app').tags.size).toBe(0);
    });

    it('completes, or fails with a reason, under random faults', async () => {
      // A fixed sequence of pseudo-random faults: the same in every run.
      let state = 12345;
      const random = (below: number) => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return (state >>> 8) % below;
      };
      const faults: (() => Fault)[] = [
        () => ({ kind: 'reset' }),
        () => ({ kind: 'lost-answer' }),
        () => ({ kind: 'cut-upload', after: 1 + random(1 << 21) }),
        () => ({ kind: 'status', status: [429, 500, 502, 503, 401][random(5)]! }),
        () => ({ kind: 'truncate', after: random(100) }),
        () => ({ kind: 'corrupt' }),
      ];
      let done = 0;
      const rounds = Number(process.env['JETTISON_FAULT_ROUNDS'] ?? 20);
      for (let round = 0; round < rounds; round++) {
        const frequency = 3 + random(6);
        const server = await start({
          fault: ({ method }) => {
            if (random(frequency) > 0) return undefined;
            const fault = faults[random(faults.length)]!();
            return fault.kind === 'cut-upload' && method !== 'PATCH' ? undefined : fault;
          },
        });
        const { descriptor, manifest } = image([
          Buffer.alloc(2 << 20, `${round}`),
          Buffer.from(`small ${round}`),
        ]);
        const registries = client();
        try {
          await pushImage(store, registries, refer(server), descriptor);
          expectComplete(server, 'team/app', '1', descriptor);
          const blobs = [descriptor, manifest.config, ...manifest.layers];
          for (const { digest } of blobs) rmSync(store.blobs.path(digest));
          const pulled = await pullImage(store, registries, refer(server), AMD64);
          await fetchLayers(store, registries, pulled);
          for (const { digest } of blobs) expect(sha256(store.blobs.read(digest))).toBe(digest);
          done++;
        } catch (error) {
          expect(error).toMatchObject({ name: 'JettisonError' });
        }
        for (const registries of clients.splice(0)) registries.close();
        for (const each of servers.splice(0)) await each.close();
      }
      // Whatever failed has left nothing behind that is not what it says.
      const { problems } = await verifyStore(store);
      expect(problems.filter((problem) => !problem.includes('lacks'))).toEqual([]);
      expect(done).toBeGreaterThan(rounds / 3);
    });
  });
});
