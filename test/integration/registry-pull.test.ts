import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { MEDIA } from '../../src/image/types.ts';
import { BlobOrigins } from '../../src/registry/blob-origins.ts';
import type { CredentialSource, Credentials } from '../../src/registry/credentials.ts';
import { fetchBlob, fetchLayers, pullImage } from '../../src/registry/pull.ts';
import { Registries, type RegistryOptions } from '../../src/registry/registries.ts';
import { resolveRemote } from '../../src/registry/resolve.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { FakeRegistry, type FakeRegistryOptions, type Seen } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };

describe('pulling', () => {
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
  const client = (options: RegistryOptions = {}, credentials?: Credentials) => {
    const source: CredentialSource = { lookup: async () => credentials, problems: [] };
    const registries = new Registries({
      env: {},
      credentials: source,
      retry: { attempts: 5, firstWaitMs: 1, maxWaitMs: 2000 },
      ...options,
    });
    clients.push(registries);
    return registries;
  };
  const password: Credentials = {
    kind: 'password',
    username: 'me',
    password: 'secret',
    origin: 'config.json',
  };

  /** An image of two layers; the second is large enough to break in the middle. */
  const addImage = (server: FakeRegistry, tag: string | undefined, platform = AMD64, docker = false) => {
    const layers = [
      Buffer.from(`small ${platform.architecture}`),
      Buffer.alloc(3 << 20, platform.architecture),
    ];
    const config = server.addBlob(
      'team/app',
      Buffer.from(
        JSON.stringify({
          ...platform,
          config: {},
          rootfs: { type: 'layers', diff_ids: layers.map((l) => sha256(l)) },
        }),
      ),
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: docker ? MEDIA.dockerManifest : MEDIA.ociManifest,
      config: { mediaType: docker ? MEDIA.dockerConfig : MEDIA.ociConfig, ...config },
      layers: layers.map((layer) => ({
        mediaType: docker ? MEDIA.dockerLayerGzip : MEDIA.ociLayer,
        ...server.addBlob('team/app', layer),
      })),
    };
    return { ...server.addManifest('team/app', tag, manifest), platform, layers: manifest.layers };
  };
  const addIndex = (server: FakeRegistry, tag: string) => {
    const manifests = [addImage(server, undefined), addImage(server, undefined, ARM64)].map(
      ({ layers: _, ...descriptor }) => descriptor,
    );
    return server.addManifest('team/app', tag, {
      schemaVersion: 2,
      mediaType: MEDIA.ociIndex,
      manifests,
    } as never);
  };
  const refer = (server: FakeRegistry, rest = ':1') => parseReference(`${server.host}/team/app${rest}`);

  it.each([false, true])(
    'takes manifest and config at once and layers on demand (Docker types: %s)',
    async (docker) => {
      const server = await start();
      const { digest, layers } = addImage(server, '1', AMD64, docker);
      const registries = client();
      const image = await pullImage(store, registries, refer(server), AMD64);
      expect(image.descriptor).toMatchObject({ digest, platform: AMD64 });
      expect(store.images.get(`${server.host}/team/app:1`)?.manifest.digest).toBe(digest);
      expect(store.blobs.has(image.manifest.config.digest)).toBe(true);
      expect(store.blobs.has(layers[0]!.digest)).toBe(false);
      expect(server.lines).toHaveLength(2);
      expect(new BlobOrigins(store.layout).of(layers[1]!.digest)).toEqual([
        { registry: server.host, repository: 'team/app' },
      ]);

      await fetchBlob(store, registries, refer(server), layers[0]!);
      expect(store.blobs.read(layers[0]!.digest).toString()).toBe('small amd64');
      expect(store.blobs.has(layers[1]!.digest)).toBe(false);
    },
  );

  it('takes all layers, each once, and reports how far it is', async () => {
    const server = await start();
    addImage(server, '1');
    const registries = client();
    const image = await pullImage(store, registries, refer(server), AMD64);
    const states: string[] = [];
    await Promise.all([
      fetchLayers(store, registries, image, ({ state }) => states.push(state)),
      fetchLayers(store, registries, image),
    ]);
    expect(server.lines.filter((line) => line.includes('/blobs/'))).toHaveLength(3);
    for (const { digest } of image.manifest.layers) expect(store.blobs.read(digest)).toBeDefined();
    expect(states.filter((state) => state === 'done')).toHaveLength(2);
    await fetchLayers(store, registries, image, ({ state }) => states.push(state));
    expect(states.filter((state) => state === 'present')).toHaveLength(2);
  });

  it('chooses from an index by platform, and keeps the index', async () => {
    const server = await start();
    const index = addIndex(server, '1');
    const image = await pullImage(store, client(), refer(server), ARM64);
    expect(image.config.architecture).toBe('arm64');
    expect(store.images.get(`${server.host}/team/app:1`)?.manifest.digest).toBe(index.digest);
    expect(store.blobs.has(index.digest)).toBe(true);
  });

  it('finds the layers of a base of an image that was built here', async () => {
    const server = await start();
    addImage(server, '1');
    const registries = client();
    const base = await pullImage(store, registries, refer(server), AMD64);
    const built = parseReference(`${server.host}/built-here:1`);
    await fetchBlob(store, registries, built, base.manifest.layers[0]!);
    expect(store.blobs.has(base.manifest.layers[0]!.digest)).toBe(true);
    expect(server.lines.some((line) => line.includes('built-here'))).toBe(false);
    const other = { ...base.manifest.layers[0]!, digest: sha256('nowhere') };
    await expect(fetchBlob(store, registries, undefined, other)).rejects.toMatchObject({
      code: 'BLOB_MISSING',
    });
    await expect(fetchBlob(store, registries, built, other)).rejects.toMatchObject({
      code: 'REGISTRY_NOT_FOUND',
    });
  });

  it('asks only whether anything changed when it has the image', async () => {
    const server = await start();
    addIndex(server, '1');
    const registries = client();
    const before = await pullImage(store, registries, refer(server), ARM64);
    server.seen.length = 0;
    expect(await pullImage(store, registries, refer(server), ARM64)).toEqual(before);
    expect(server.lines).toEqual(['HEAD /v2/team/app/manifests/1']);

    const { digest } = addImage(server, '1', { os: 'linux', architecture: 'riscv64' });
    expect((await pullImage(store, registries, refer(server), ARM64)).descriptor.digest).toBe(digest);
  });

  it('says which platforms there are when the wanted one is not among them', async () => {
    const server = await start();
    addIndex(server, '1');
    await expect(
      resolveRemote(client(), refer(server), { os: 'linux', architecture: 's390x' }),
    ).rejects.toMatchObject({
      code: 'PLATFORM_MISSING',
      hint: expect.stringContaining('linux/amd64, linux/arm64'),
    });
  });

  it('finds images by digest', async () => {
    const server = await start();
    const { digest } = addImage(server, undefined);
    const image = await resolveRemote(client(), refer(server, `:whatever@${digest}`), AMD64);
    expect(image.descriptor.digest).toBe(digest);
  });

  describe('through errors', () => {
    it('names the missing image, with a hint', async () => {
      const server = await start();
      addImage(server, '1');
      const host = server.host.replaceAll('.', '\\.');
      await expect(resolveRemote(client(), refer(server, ':2'), AMD64)).rejects.toMatchObject({
        code: 'REGISTRY_NOT_FOUND',
        message: expect.stringMatching(`${host}/team/app:2 does not exist in ${host}`),
        hint: expect.stringContaining('Check the tag'),
      });
      await expect(
        resolveRemote(client(), parseReference(`${server.host}/team/other`), AMD64),
      ).rejects.toMatchObject({ hint: expect.stringContaining('no repository team/other') });
    });

    it('says that nothing listens', async () => {
      const server = await start();
      const reference = refer(server);
      await server.close();
      await expect(resolveRemote(client(), reference, AMD64)).rejects.toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
        message: expect.stringContaining('nothing listens'),
      });
    });

    it('says that a host is not known', async () => {
      await expect(
        resolveRemote(client({ retry: { attempts: 1 } }), parseReference('registry.invalid/app'), AMD64),
      ).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    });

    it("shows a registry's message without control characters", async () => {
      const server = await start({
        fault: () => ({
          kind: 'status',
          status: 400,
          body: '{"errors":[{"code":"X","message":"a\\u001b[31mb\\nc"}]}',
        }),
      });
      await expect(resolveRemote(client(), refer(server), AMD64)).rejects.toThrow(
        /answered 400: a \[31mb c$/,
      );
    });

    it.each([
      ['neither image nor index', { schemaVersion: 2, mediaType: MEDIA.ociManifest }],
      ['both', { schemaVersion: 2, mediaType: MEDIA.ociManifest, layers: [], manifests: [] }],
      ['schema 1', { schemaVersion: 1, mediaType: '', fsLayers: [] }],
      [
        'an artifact',
        {
          schemaVersion: 2,
          mediaType: MEDIA.ociManifest,
          layers: [],
          config: { mediaType: 'application/vnd.example', digest: sha256('{}'), size: 2 },
        },
      ],
      ['without sizes', { schemaVersion: 2, mediaType: MEDIA.ociManifest, layers: [{}], config: {} }],
    ])('refuses a manifest that is %s', async (_, document) => {
      const server = await start();
      server.addManifest('team/app', '1', document);
      await expect(resolveRemote(client(), refer(server), AMD64)).rejects.toMatchObject({
        code: expect.stringMatching(/^(MANIFEST_UNSUPPORTED|IMAGE_INVALID)$/),
      });
    });
  });

  describe('over bad connections', () => {
    const once = (
      ...faults: [
        match: (seen: Seen) => boolean,
        fault: NonNullable<ReturnType<NonNullable<FakeRegistryOptions['fault']>>>,
      ][]
    ) => {
      const left = [...faults];
      return (seen: Seen) => {
        const next = left.findIndex(([match]) => match(seen));
        return next < 0 ? undefined : left.splice(next, 1)[0]![1];
      };
    };
    const manifests = ({ path }: Seen) => path.includes('/manifests/');
    const blobs = ({ path }: Seen) => path.includes('/blobs/');

    it('tries again after lost connections, busy servers and damaged manifests', async () => {
      const server = await start({
        fault: once(
          [manifests, { kind: 'reset' }],
          [manifests, { kind: 'status', status: 503 }],
          [manifests, { kind: 'corrupt' }],
          [manifests, { kind: 'truncate', after: 20 }],
          [blobs, { kind: 'corrupt' }],
          [blobs, { kind: 'truncate', after: 5 }],
        ),
      });
      addImage(server, '1');
      await pullImage(store, client(), refer(server), AMD64);
      expect(server.lines.filter((line) => line.includes('/manifests/'))).toHaveLength(5);
    });

    it('honours Retry-After, and gives up on a server that wants too long', async () => {
      let status = { kind: 'status' as const, status: 429, headers: { 'retry-after': '1' } };
      let left = 1;
      const server = await start({ fault: () => (left-- > 0 ? status : undefined) });
      addImage(server, '1');
      await resolveRemote(client(), refer(server), AMD64);
      status = { ...status, headers: { 'retry-after': '3600' } };
      left = 1;
      await expect(resolveRemote(client(), refer(server), AMD64)).rejects.toMatchObject({
        code: 'REGISTRY_RATE_LIMITED',
        hint: expect.stringContaining('jettison login'),
      });
    });

    it.each([false, true])('continues a broken download (server without ranges: %s)', async (noRange) => {
      const server = await start({
        noRange,
        fault: (seen) =>
          seen.path.includes(large) && broken-- > 0 ? { kind: 'truncate', after: 1 << 20 } : undefined,
      });
      let broken = 0;
      const { layers } = addImage(server, '1');
      const large = layers[1]!.digest;
      broken = noRange ? 1 : 2;
      await fetchBlob(store, client(), refer(server), layers[1]!);
      expect(store.blobs.read(large).byteLength).toBe(3 << 20);
      const ranges = server.seen
        .filter(({ path }) => path.includes(large))
        .map(({ headers }) => headers.range);
      expect(ranges[0]).toBeUndefined();
      expect(ranges[1]).toMatch(/^bytes=\d+-$/);
      expect(ranges).toHaveLength(noRange ? 2 : 3);
    });

    it('fetches a damaged blob anew, and gives up on one that stays damaged', async () => {
      let left = 1;
      const server = await start({ fault: () => (left-- > 0 ? { kind: 'corrupt' } : undefined) });
      const { layers } = addImage(server, '1');
      await fetchBlob(store, client(), refer(server), layers[0]!);
      expect(store.blobs.read(layers[0]!.digest)).toBeDefined();
      left = 100;
      await expect(fetchBlob(store, client(), refer(server), layers[1]!)).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
      expect(store.blobs.has(layers[1]!.digest)).toBe(false);
      expect(
        readdirSync(store.layout.temporary, { recursive: true }).filter((name) =>
          String(name).includes('blob'),
        ),
      ).toEqual([]);
    });

    it('asks for blobs as they are, not compressed for the way', async () => {
      const server = await start({ compresses: true });
      addImage(server, '1');
      const registries = client();
      const image = await pullImage(store, registries, refer(server), AMD64);
      await fetchLayers(store, registries, image);
      for (const { digest } of image.manifest.layers) expect(store.blobs.has(digest)).toBe(true);
    });

    it('never takes more bytes than the manifest says', async () => {
      const server = await start();
      const { layers } = addImage(server, '1');
      await expect(
        fetchBlob(store, client(), refer(server), { ...layers[1]!, size: 1000 }),
      ).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    });

    it('stops when it is told to', async () => {
      const abort = new AbortController();
      const server = await start({
        fault: () => {
          abort.abort(new Error('interrupted'));
          return { kind: 'reset' };
        },
      });
      await expect(resolveRemote(client({ signal: abort.signal }), refer(server), AMD64)).rejects.toThrow();
      expect(server.seen.length).toBeLessThan(3);
    });
  });

  describe('with a login', () => {
    it('sends a password only when asked', async () => {
      const server = await start({ auth: 'basic', user: { name: 'me', password: 'secret' } });
      addImage(server, '1');
      await pullImage(store, client({}, password), refer(server), AMD64);
      expect(server.seen.map(({ headers }) => headers.authorization !== undefined)).toEqual([
        false,
        true,
        true,
      ]);
    });

    it('gets one token for all requests of a repository, and a new one when it ends', async () => {
      const server = await start({ auth: 'bearer', user: { name: 'me', password: 'secret' } });
      const { layers } = addImage(server, '1');
      const registries = client({}, password);
      await pullImage(store, registries, refer(server), AMD64);
      await fetchBlob(store, registries, refer(server), layers[0]!);
      const tokens = () => server.seen.filter(({ path }) => path.startsWith('/token'));
      expect(tokens()).toHaveLength(1);
      expect(tokens()[0]!.path).toContain('scope=repository%3Ateam%2Fapp%3Apull');
      server.forgetTokens();
      await fetchBlob(store, registries, refer(server), layers[1]!);
      expect(tokens()).toHaveLength(2);
    });

    it('gets tokens without credentials where the registry gives them', async () => {
      const server = await start({ auth: 'bearer' });
      addImage(server, '1');
      await pullImage(store, client(), refer(server), AMD64);
      const asked = server.seen.filter(({ path }) => path.startsWith('/token'));
      expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    });

    it('trades an identity token', async () => {
      const server = await start({
        auth: 'bearer',
        user: { name: 'me', password: 'x', refreshToken: 'refresh' },
      });
      addImage(server, '1');
      const identity: Credentials = { kind: 'identity', token: 'refresh', origin: 'helper' };
      await pullImage(store, client({}, identity), refer(server), AMD64);
      expect(server.seen.some(({ method, path }) => method === 'POST' && path === '/token')).toBe(true);
    });

    it('goes on without credentials that are refused, where everybody may read', async () => {
      const server = await start({ auth: 'bearer' });
      addImage(server, '1');
      const registries = client({}, password);
      const image = await pullImage(store, registries, refer(server), AMD64);
      await fetchLayers(store, registries, image);
      // Only the first request was tried with them.
      const tokens = server.seen.filter(({ path }) => path.startsWith('/token'));
      expect(tokens.map(({ headers }) => headers.authorization !== undefined)).toEqual([true, false]);
    });

    it('reports a missing and a refused image', async () => {
      const server = await start({ auth: 'bearer', user: { name: 'me', password: 'secret' } });
      addImage(server, '1');
      await expect(resolveRemote(client(), refer(server), AMD64)).rejects.toMatchObject({
        code: 'REGISTRY_UNAUTHORIZED',
        message: expect.stringContaining('does not exist or requires a login'),
        hint: expect.stringContaining(`jettison login ${server.host}`),
      });
      const wrong = { ...password, password: 'wrong' } as Credentials;
      await expect(resolveRemote(client({}, wrong), refer(server), AMD64)).rejects.toMatchObject({
        code: 'REGISTRY_UNAUTHORIZED',
        message: expect.stringContaining('the credentials from config.json do not allow it'),
      });
    });

    it('does not send credentials unencrypted to where a registry points', async () => {
      const server = await start({
        auth: 'bearer',
        realm: 'http://tokens.invalid/',
        user: { name: 'me', password: 'x' },
      });
      await expect(resolveRemote(client({}, password), refer(server), AMD64)).rejects.toMatchObject({
        code: 'REGISTRY_INSECURE',
      });
    });

    it('does not show its authorisation to where a blob is redirected to', async () => {
      const storage = await start();
      const server = await start({
        auth: 'basic',
        user: { name: 'me', password: 'secret' },
        redirectBlobsTo: `http://${storage.host}`,
      });
      addImage(storage, '1');
      addImage(server, '1');
      const image = await pullImage(store, client({}, password), refer(server), AMD64);
      expect(image.config.architecture).toBe('amd64');
      expect(storage.seen).toHaveLength(1);
      expect(storage.seen[0]!.headers.authorization).toBeUndefined();
    });
  });

  describe('from mirrors', () => {
    const mirrored = (mirror: FakeRegistry, server: FakeRegistry) =>
      client({ env: { JETTISON_MIRRORS: `${server.host}=http://${mirror.host}` } });

    it('does not ask the registry', async () => {
      const [mirror, server] = [await start(), await start()];
      addImage(mirror, '1');
      await pullImage(store, mirrored(mirror, server), refer(server), AMD64);
      expect(server.seen).toEqual([]);
      expect(store.images.get(`${server.host}/team/app:1`)).toBeDefined();
    });

    it('asks the registry for blobs that mirrors lack', async () => {
      const [mirror, server] = [
        await start({ fault: () => ({ kind: 'status', status: 500 }) }),
        await start(),
      ];
      addImage(server, '1');
      await pullImage(store, mirrored(mirror, server), refer(server), AMD64);
      expect(server.seen.length).toBeGreaterThan(0);
    });
  });
});
