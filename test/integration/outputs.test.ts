import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Output } from '../../src/export/exporters.ts';
import { tarMembers } from '../../src/export/tar-members.ts';
import { sha256 } from '../../src/image/digest.ts';
import { hostPlatform } from '../../src/image/platform.ts';
import { type ImageConfig, type Index, type Manifest, MEDIA } from '../../src/image/types.ts';
import type { TarHeader } from '../../src/layer/tar-read.ts';
import { TestBuilds } from '../support/build.ts';
import { FakeEngine, type FakeEngineOptions } from '../support/engine.ts';
import { makeTar } from '../support/images.ts';
import { works } from '../support/peers.ts';
import { FakeRegistry } from '../support/registry.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const EPOCH = 1_600_000_000;
const env = { PATH: process.env['PATH'], SOURCE_DATE_EPOCH: String(EPOCH) };

async function membersOf(tar: Buffer): Promise<Map<string, TarHeader & { content: string }>> {
  const members = new Map<string, TarHeader & { content: string }>();
  for await (const { header, content } of tarMembers(
    (async function* () {
      yield tar;
    })(),
  )) {
    let text = '';
    for await (const chunk of content) text += chunk.toString();
    members.set(header.name, { ...header, content: text });
  }
  return members;
}

describe('outputs of a build', () => {
  let builds: TestBuilds;
  let out: string;
  const servers: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    builds = await TestBuilds.create();
    out = join(builds.folder, 'out');
    builds.write({ a: 'a\n', 'd/b': 'b\n' });
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    builds.remove();
  });

  const manifestOf = (digest: string) => builds.store.blobs.readJson<Manifest>(digest as `sha256:${string}`);
  const registry = async () => {
    const server = await FakeRegistry.start();
    servers.push(server);
    return server;
  };
  /** A base in a registry. */
  const addBase = (server: FakeRegistry) => {
    const tar = makeTar([['base.txt', 'base']]);
    const blob = server.addBlob('team/base', gzipSync(tar));
    const config = Buffer.from(
      JSON.stringify({
        ...hostPlatform(),
        config: { Env: ['A=b'] },
        rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
      }),
    );
    server.addManifest('team/base', '1', {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: { mediaType: MEDIA.ociConfig, ...server.addBlob('team/base', config) },
      layers: [{ mediaType: MEDIA.ociLayerGzip, ...blob }],
    } as never);
    return blob.digest;
  };

  const DOCKERFILE = 'FROM scratch\nCOPY --chown=5:6 --chmod=4750 a /x/\nCOPY d /x/\nWORKDIR /x\n';

  describe('of files', () => {
    it('are a tar with owners, modes and one time', async () => {
      const result = await builds.build(`${DOCKERFILE}COPY a /x/\n`, {
        outputs: [{ type: 'tar', to: { path: out } }],
        env,
      });
      expect(result.digest).toBeUndefined();
      expect(builds.store.images.list()).toEqual([]);
      const members = await membersOf(readFileSync(out));
      expect([...members.keys()]).toEqual(['x/', 'x/a', 'x/b']);
      expect(members.get('x/a')).toMatchObject({ uid: 0, gid: 0, content: 'a\n', mtime: EPOCH });
      await builds.build(DOCKERFILE, { outputs: [{ type: 'tar', to: { path: out } }] });
      expect((await membersOf(readFileSync(out))).get('x/a')).toMatchObject({ uid: 5, gid: 6, mode: 0o4750 });
    });

    it('are a folder of the user, in which symlinks are replaced, not followed', async () => {
      symlinkSync('/nowhere', join(builds.context, 'd', 'link'));
      mkdirSync(join(out, 'y'), { recursive: true });
      writeFileSync(join(out, 'y', 'stays'), '');
      const outside = join(builds.folder, 'outside');
      mkdirSync(outside);
      symlinkSync(outside, join(out, 'x'));
      await builds.build(DOCKERFILE, { outputs: [{ type: 'local', path: out }] });
      expect(lstatSync(join(out, 'x')).isDirectory()).toBe(true);
      expect(existsSync(join(outside, 'a'))).toBe(false);
      expect(existsSync(join(out, 'y', 'stays'))).toBe(true);
      expect(readFileSync(join(out, 'x/b'), 'utf8')).toBe('b\n');
      expect(readlinkSync(join(out, 'x/link'))).toBe('/nowhere');
      const stat = statSync(join(out, 'x/a'));
      expect({ uid: stat.uid, mode: stat.mode & 0o7777 }).toEqual({ uid: process.getuid!(), mode: 0o750 });
      // Once more, over what is there.
      await builds.build(DOCKERFILE, { outputs: [{ type: 'local', path: out }] });
    });

    it('are the files after a RUN changed them', async (ctx) => {
      const why = whyNoSandbox();
      if (why !== undefined) return ctx.skip(why);
      await builds.addBase('base');
      await builds.build(
        'FROM base\nRUN mkdir /gone && echo hi >/file\nRUN rm -r /gone && ln /file /hard\n',
        {
          outputs: [{ type: 'local', path: out }],
        },
      );
      expect(existsSync(join(out, 'gone'))).toBe(false);
      expect(readFileSync(join(out, 'file'), 'utf8')).toBe('hi\n');
      expect(statSync(join(out, 'hard')).ino).toBe(statSync(join(out, 'file')).ino);
    });

    it('report an unusable destination', async () => {
      const error = await builds.failure(DOCKERFILE, {
        outputs: [{ type: 'tar', to: { path: join(out, 'missing', 'a.tar') } }],
      });
      expect(error.code).toBe('OUTPUT_INVALID');
      writeFileSync(out, '');
      const other = await builds.failure(DOCKERFILE, { outputs: [{ type: 'local', path: out }] });
      expect(other.code).toBe('OUTPUT_INVALID');
    });
  });

  describe('of images', () => {
    it('are archives and layouts, several at once', async () => {
      const stream = new PassThrough();
      const chunks: Buffer[] = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      const { digest } = await builds.build(DOCKERFILE, {
        tags: ['app'],
        outputs: [
          { type: 'archive', format: 'oci-archive', to: { stream } },
          { type: 'archive', format: 'docker-archive', to: { path: out } },
          { type: 'layout', path: `${out}.d` },
        ],
      });
      const archive = await membersOf(Buffer.concat(chunks));
      const index = JSON.parse(archive.get('index.json')!.content) as Index;
      expect(index.manifests).toEqual([expect.objectContaining({ digest })]);
      expect(index.manifests[0]!.annotations!['org.opencontainers.image.ref.name']).toBe(
        'docker.io/library/app:latest',
      );
      expect((await membersOf(readFileSync(out))).has('manifest.json')).toBe(true);
      expect(JSON.parse(readFileSync(`${out}.d/index.json`, 'utf8'))).toEqual(index);
      expect(builds.store.images.list()).toEqual([]);
    });

    it.for(['zstd', 'uncompressed', 'gzip'] as const)(
      'have layers with compression %s',
      async (type, ctx) => {
        if (type === 'zstd' && !works('zstd', '--version')) return ctx.skip('zstd is not installed');
        const name = `docker.io/library/app:${type}`;
        const level = type === 'gzip' ? { level: 9 } : {};
        const outputs: Output[] = [
          { type: 'image', names: [name], form: { compression: { type, ...level } } },
        ];
        const { digest, imageId } = await builds.build(DOCKERFILE, { outputs });
        expect(builds.store.images.get(name)!.manifest.digest).toBe(digest);
        const plain = await builds.build(DOCKERFILE);
        expect(plain.imageId).toBe(imageId);
        const { layers } = manifestOf(digest);
        expect(layers.map(({ mediaType }) => mediaType)).toEqual(
          layers.map(
            () =>
              `application/vnd.oci.image.layer.v1.tar${{ zstd: '+zstd', uncompressed: '', gzip: '+gzip' }[type]}`,
          ),
        );
        const blob = readFileSync(builds.store.blobs.path(layers[0]!.digest));
        const tar =
          type === 'gzip'
            ? gunzipSync(blob)
            : type === 'zstd'
              ? execFileSync('zstd', ['-dc'], { input: blob })
              : blob;
        const config = builds.store.blobs.readJson<ImageConfig>(imageId);
        expect(sha256(tar)).toBe(config.rootfs.diff_ids[0]);
        expect((await builds.build(DOCKERFILE, { outputs })).digest).toBe(digest);
      },
    );

    it('have the layers of the base compressed anew only when forced', async () => {
      const server = await registry();
      const base = addBase(server);
      const from = `FROM ${server.host}/team/base:1\nCOPY --link a /\n`;
      const compression = { type: 'uncompressed' as const };
      const kept = await builds.build(from, { outputs: [{ type: 'image', form: { compression } }] });
      expect(manifestOf(kept.digest).layers.map(({ mediaType }) => mediaType)).toEqual([
        MEDIA.ociLayerGzip,
        MEDIA.ociLayer,
      ]);
      expect(builds.store.blobs.has(base)).toBe(false);
      const forced = await builds.build(from, {
        outputs: [{ type: 'image', form: { compression, forceCompression: true } }],
      });
      expect(manifestOf(forced.digest).layers.map(({ mediaType }) => mediaType)).toEqual([
        MEDIA.ociLayer,
        MEDIA.ociLayer,
      ]);
    });

    it('have no times later than SOURCE_DATE_EPOCH with rewrite-timestamp', async () => {
      const { digest } = await builds.build(DOCKERFILE, {
        outputs: [{ type: 'image', form: { rewriteTimestamp: true } }],
        env,
      });
      const [layer] = manifestOf(digest).layers;
      const members = await membersOf(gunzipSync(readFileSync(builds.store.blobs.path(layer!.digest))));
      expect([...members.values()].map(({ mtime }) => mtime)).toEqual([EPOCH, EPOCH]);
    });

    it('have annotations', async () => {
      const { digest } = await builds.build(DOCKERFILE, {
        outputs: [{ type: 'image', form: { annotations: { manifest: { 'org.example': 'yes' } } } }],
      });
      expect(manifestOf(digest).annotations).toEqual({ 'org.example': 'yes' });
    });
  });

  describe('pushed', () => {
    it('do not even fetch a base that only gets layers on top', async () => {
      const server = await registry();
      const base = addBase(server);
      const name = `${server.host}/team/app:1`;
      const { digest } = await builds.build(`FROM ${server.host}/team/base:1\nCOPY --link a /\nENV B=c\n`, {
        tags: [name],
        outputs: [{ type: 'image', push: true }],
      });
      expect(server.repository('team/app').tags.get('1')).toBe(digest);
      expect(server.repository('team/app').blobs.has(base)).toBe(true);
      expect(server.lines.filter((line) => line.startsWith('GET') && line.includes(base))).toEqual([]);
      expect(builds.store.blobs.has(base)).toBe(false);
    });

    it('push by digest only with push-by-digest, and require a name', async () => {
      const server = await registry();
      const { digest } = await builds.build(DOCKERFILE, {
        outputs: [{ type: 'image', names: [`${server.host}/app`], push: true, pushByDigest: true }],
      });
      expect(server.repository('app').tags.size).toBe(0);
      expect(server.repository('app').manifests.has(digest)).toBe(true);
      const error = await builds.failure(DOCKERFILE, { outputs: [{ type: 'image', push: true }] });
      expect(error.exitCode).toBe(2);
    });
  });

  describe('to an engine', () => {
    const engine = async (options: FakeEngineOptions = {}) => {
      const fake = await FakeEngine.start(options);
      servers.push(fake);
      const load = (dockerfile: string) =>
        builds.build(dockerfile, {
          tags: ['app:1'],
          outputs: [{ type: 'engine' }],
          env: { PATH: process.env['PATH'], DOCKER_HOST: fake.host },
        });
      return { seen: fake.seen, images: fake.images, load };
    };
    const diffIds = (imageId: string) =>
      builds.store.blobs.readJson<ImageConfig>(imageId as `sha256:${string}`).rootfs.diff_ids;

    it('send the layers that it lacks, and then only names', async () => {
      const { seen, load, images } = await engine();
      const first = await load(DOCKERFILE);
      const [whole] = seen.filter(({ request }) => request.startsWith('POST /images/load'));
      const blobs = [...(await membersOf(whole!.body)).keys()].filter((name) => /sha256\/./.test(name));
      expect(blobs).toHaveLength(2 + first.blobs.length);
      images.push({ Id: first.imageId, layers: diffIds(first.imageId) });
      await load(DOCKERFILE);
      expect(seen.at(-1)!.request).toBe(`POST /images/${first.imageId}/tag?repo=app&tag=1`);
      await load(`${DOCKERFILE}COPY a /more\n`);
      const lean = await membersOf(seen.at(-1)!.body);
      expect([...lean.keys()].filter((name) => /sha256\/./.test(name))).toHaveLength(3);
      expect(JSON.parse(lean.get('manifest.json')!.content)[0].Layers).toHaveLength(first.blobs.length + 1);
    });

    it('reach Podman with the layers that it lacks, in a form whose health checks it reads', async () => {
      const { seen, load, images } = await engine({ name: 'Podman Engine' });
      const blobsOf = async (body: Buffer) => {
        const members = await membersOf(body);
        const index = JSON.parse(members.get('index.json')!.content) as Index;
        const manifest = members.get(`blobs/sha256/${index.manifests[0]!.digest.slice('sha256:'.length)}`)!;
        const count = [...members.keys()].filter((path) => /sha256\/./.test(path)).length;
        return { count, manifest: JSON.parse(manifest.content) as Manifest };
      };
      const first = await load(DOCKERFILE);
      const plain = await blobsOf(seen.at(-1)!.body);
      expect(plain).toMatchObject({
        count: 2 + first.blobs.length,
        manifest: { mediaType: MEDIA.ociManifest },
      });
      images.push({ Id: first.imageId, layers: diffIds(first.imageId) });
      const checked = await load(`${DOCKERFILE}COPY a /more\nHEALTHCHECK CMD true\n`);
      const lean = await blobsOf(seen.at(-1)!.body);
      expect(lean).toMatchObject({ count: 3, manifest: { mediaType: MEDIA.dockerManifest } });
      expect(lean.manifest.config.digest).toBe(checked.imageId);
      expect(lean.manifest.layers.map(({ digest }) => digest)).toEqual(checked.blobs);
    });

    it('send everything when less will not do', async () => {
      const { imageId } = await builds.build(DOCKERFILE);
      const { seen, load } = await engine({
        images: [{ Id: 'other', layers: diffIds(imageId) }],
        refusal: (archive) => (archive.length < 8000 ? 'a layer is missing' : undefined),
      });
      writeFileSync(join(builds.context, 'a'), Buffer.alloc(9000, 'x'));
      rmSync(out, { force: true });
      await load(`${DOCKERFILE}LABEL a=b\n`).catch(() => {});
      expect(seen.filter(({ request }) => request.startsWith('POST /images/load')).length).toBeGreaterThan(0);
    });

    it('report a missing engine', async () => {
      const error = await builds.failure(DOCKERFILE, {
        outputs: [{ type: 'engine' }],
        env: { PATH: process.env['PATH'], DOCKER_HOST: `unix://${out}` },
      });
      expect(error.code).toBe('ENGINE_UNREACHABLE');
      const ssh = await builds.failure(DOCKERFILE, {
        outputs: [{ type: 'engine' }],
        env: { PATH: process.env['PATH'], DOCKER_HOST: 'ssh://host' },
      });
      expect(ssh.code).toBe('ENGINE_UNSUPPORTED');
    });
  });
});
