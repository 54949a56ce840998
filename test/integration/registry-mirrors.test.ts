import { hash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JettisonError } from '../../src/errors/error.ts';
import { parseReference } from '../../src/image/reference.ts';
import { openImage } from '../../src/images/open-image.ts';
import { inspect } from '../../src/inspect/inspect.ts';
import { fetchLayers, pullImage } from '../../src/registry/pull.ts';
import { pushImage } from '../../src/registry/push.ts';
import { Registries } from '../../src/registry/registries.ts';
import { RegistryConfig } from '../../src/registry/registry-config.ts';
import { makeImage, makeLayer, makeStore, type TestStore } from '../support/images.ts';
import { FakeRegistry, type Fault } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };

describe('mirrors of files', () => {
  let folder: string;
  let test: TestStore;
  let registry: FakeRegistry;
  let mirror: FakeRegistry;

  beforeEach(async () => {
    folder = tempDir();
    test = makeStore();
    registry = await FakeRegistry.start();
    mirror = await FakeRegistry.start();
  });
  afterEach(async () => {
    await registry.close();
    await mirror.close();
    test.remove();
  });

  const env = () => ({ HOME: folder });
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  const conf = (text: string) => write('.config/containers/registries.conf', text);
  const put = async (server: FakeRegistry, name: string) => {
    const other = makeStore();
    const { manifest } = await makeImage(other.store, {
      name: 'x',
      layers: [makeLayer(other.store, { a: 'a' })],
    });
    const registries = new Registries({ env: {} });
    await pushImage(other.store, registries, parseReference(`${server.host}/${name}`), manifest);
    registries.close();
    other.remove();
    server.seen.length = 0;
  };
  const pull = async (name: string, environment: NodeJS.ProcessEnv = env()) => {
    const registries = new Registries({ env: environment, retry: { attempts: 1 } });
    try {
      const image = await pullImage(test.store, registries, parseReference(name), AMD64);
      await fetchLayers(test.store, registries, image);
      return image;
    } finally {
      registries.close();
    }
  };

  it('are asked first, under the name that the file gives, layers too', async () => {
    await put(mirror, 'cache/library/app:1');
    conf(`[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "${mirror.host}/cache"\n`);
    const image = await pull('app:1');
    expect(test.store.images.get('docker.io/library/app:1')?.manifest.digest).toBe(image.descriptor.digest);
    expect(mirror.seen.map(({ path }) => path)).toContain('/v2/cache/library/app/manifests/1');
  });

  describe('with a user and a password in the URL', () => {
    const user = { name: 'me@work', password: 's3cret/x' };
    const written = () => `me%40work:s3cret%2Fx@${mirror.host}`;
    beforeEach(async () => {
      await put(mirror, 'library/app:1');
      mirror.options = { auth: 'basic', user };
    });

    it.each([
      ['JETTISON_MIRRORS', (): NodeJS.ProcessEnv => ({ JETTISON_MIRRORS: `docker.io=http://${written()}` })],
      ['JETTISON_MIRRORS, without a scheme', () => ({ JETTISON_MIRRORS: `docker.io=${written()}` })],
      [
        'daemon.json',
        () => {
          write(
            '.config/docker/daemon.json',
            JSON.stringify({ 'registry-mirrors': [`http://${written()}`] }),
          );
          return {};
        },
      ],
      [
        'hosts.toml',
        () => {
          write('.config/containerd/certs.d/docker.io/hosts.toml', `[host."http://${written()}"]\n`);
          return {};
        },
      ],
    ])('are asked as that user, whom nothing shows: %s', async (_, settings) => {
      const set = { ...env(), ...settings() };
      const image = await pull('app:1', set);
      expect(test.store.images.get('docker.io/library/app:1')?.manifest.digest).toBe(image.descriptor.digest);
      const shown = (await (await RegistryConfig.load(set, false)).describe()).join('\n');
      expect(shown).toContain(`xxxxx@${mirror.host}`);
      expect(shown).not.toMatch(/s3cret|work/);

      mirror.options = { auth: 'basic', user: { ...user, password: 'other' } };
      // Docker Hub is out of reach of tests: the own registry is another one.
      const moved = { ...set, JETTISON_MIRRORS: `${registry.host}=http://${written()}` };
      const error = await pull(`${registry.host}/none:1`, moved).catch((failure: unknown) => failure);
      const { message, hint, details } = error as JettisonError;
      const all = `${message} ${hint} ${JSON.stringify(details)}`;
      expect(all).toContain(`http://xxxxx@${mirror.host}`);
      expect(all).not.toMatch(/s3cret|me(@|%40)work/);
    });

    it.each([
      ['JETTISON_MIRRORS', () => ({ JETTISON_MIRRORS: 'docker.io=ftp://me:s3cret@x' })],
      ['JETTISON_MIRRORS', () => ({ JETTISON_MIRRORS: 'docker.io=me:s3cret@x:port' })],
      [
        'registries.conf',
        () => {
          conf('[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "me:s3cret@x/cache"\n');
          return {};
        },
      ],
      [
        'daemon.json',
        () => {
          write('.config/docker/daemon.json', JSON.stringify({ 'registry-mirrors': ['me:s3cret@x'] }));
          return {};
        },
      ],
      [
        'hosts.toml',
        () => {
          write('.config/containerd/certs.d/docker.io/hosts.toml', 'server = "https://me:s3cret@x"\n');
          return {};
        },
      ],
    ])('are not shown where they are refused: %s', async (name, settings: () => NodeJS.ProcessEnv) => {
      const error = (await pull('app:1', { ...env(), ...settings() }).catch(
        (e: unknown) => e,
      )) as JettisonError;
      expect(error.code).toMatch(/^(MIRRORS|REGISTRY_CONFIG)_INVALID$/);
      expect(error.message).toContain(name);
      expect(`${error.message} ${error.hint}`).not.toContain('s3cret');
    });
  });

  it('are named when nothing worked', async () => {
    conf(
      `[[registry]]\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}/cache"\n`,
    );
    await expect(pull(`${registry.host}/team/app:1`)).rejects.toMatchObject({
      code: 'REGISTRY_NOT_FOUND',
      message: expect.stringMatching(
        new RegExp(
          `before that, the mirror ${mirror.host}/cache \\(.*registries\\.conf:4\\): .*does not exist`,
        ),
      ),
    });
  });

  it('of a location are the only sources: the name is read from elsewhere', async () => {
    await put(registry, 'inner/app:1');
    conf(`[[registry]]\nprefix = "example.com/outer"\nlocation = "${registry.host}/inner"\n`);
    await pull('example.com/outer/app:1');
    expect(test.store.images.get('example.com/outer/app:1')).toBeDefined();
  });

  it('and blocked registries are asked nothing', async () => {
    conf(`[[registry]]\nlocation = "${registry.host}"\nblocked = true\n`);
    await expect(pull(`${registry.host}/app:1`)).rejects.toMatchObject({ code: 'REGISTRY_BLOCKED' });
    expect(registry.seen).toEqual([]);
  });

  it("of Docker's and containerd's files are asked, too", async () => {
    await put(mirror, 'library/app:1');
    write('.config/docker/daemon.json', JSON.stringify({ 'registry-mirrors': [`http://${mirror.host}`] }));
    await pull('app:1');
    expect(mirror.seen.map(({ path }) => path)).toContain('/v2/library/app/manifests/1');
    rmSync(join(folder, '.config/docker'), { recursive: true });
    write('.config/containerd/certs.d/example.com/hosts.toml', `[host."http://${mirror.host}"]\n`);
    await put(mirror, 'other:1');
    await pull('example.com/other:1');
    expect(mirror.seen.map(({ path }) => path)).toContain('/v2/other/manifests/1');
  });

  describe('of an image whose layers are only read', () => {
    const streamed = async () => {
      const registries = new Registries({ env: env(), retry: { attempts: 1 } });
      try {
        const { store } = test;
        const image = await openImage(`registry://${registry.host}/team/app:1`, {
          ...{ store, registries, env: env(), cwd: folder, remote: true },
          signal: new AbortController().signal,
        });
        const { census } = await inspect(image, { store });
        await image.close();
        return [...census.leaves.keys()];
      } finally {
        registries.close();
      }
    };
    const ofLayer = ({ path }: { path: string }) => path.includes('/blobs/');
    beforeEach(async () => {
      await put(registry, 'team/app:1');
      await put(mirror, 'team/app:1');
      conf(`[[registry]]\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}"\n`);
    });

    it.each<[string, Fault]>([
      ['has not got them', { kind: 'status', status: 404 }],
      ['refuses', { kind: 'status', status: 403 }],
      ['fails in the middle', { kind: 'truncate', after: 20 }],
    ])('are asked in turn where one %s', async (_, fault) => {
      let isConfig = true;
      mirror.options = {
        fault: (request) => {
          if (!ofLayer(request)) return undefined;
          if (!isConfig) return fault;
          isConfig = false;
          return undefined;
        },
      };
      expect(await streamed()).toEqual(['a']);
      expect(mirror.seen.filter(ofLayer).length).toBeGreaterThan(1);
      expect(registry.seen.filter(ofLayer)).toHaveLength(1);
    });

    it('are asked in turn where one gives damaged layers, of which nothing is kept', async () => {
      let isConfig = true;
      mirror.options = {
        fault: (request) => {
          if (!ofLayer(request)) return undefined;
          if (!isConfig) return { kind: 'corrupt' };
          isConfig = false;
          return undefined;
        },
      };
      expect(await streamed()).toEqual(['a']);
      mirror.options = {};
      mirror.seen.length = 0;
      registry.seen.length = 0;
      expect(await streamed()).toEqual(['a']);
      // The second look reads the config only.
      expect([...mirror.seen, ...registry.seen].filter(ofLayer)).toHaveLength(1);
      const kept = join(test.store.layout.home, 'blobs/sha256');
      const names = readdirSync(kept);
      expect(names).toHaveLength(1);
      for (const name of names) expect(hash('sha256', readFileSync(join(kept, name)))).toBe(name);
    });

    it('and the error of the last place is thrown, with those before', async () => {
      for (const server of [mirror, registry]) {
        let isConfig = server === mirror;
        server.options = {
          fault: (request) => {
            if (!ofLayer(request)) return undefined;
            if (!isConfig) return { kind: 'status', status: 404 };
            isConfig = false;
            return undefined;
          },
        };
      }
      await expect(streamed()).rejects.toMatchObject({
        code: 'REGISTRY_NOT_FOUND',
        message: expect.stringContaining(`before that, the mirror ${mirror.host}`),
      });
    });
  });
});
