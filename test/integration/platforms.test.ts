import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { formatPlatform, hostPlatform } from '../../src/image/platform.ts';
import { type ImageConfig, type Index, type Manifest, MEDIA } from '../../src/image/types.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { makeTar } from '../support/images.ts';
import { FakeRegistry } from '../support/registry.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const HOST = formatPlatform(hostPlatform());
const OTHER = HOST === 'linux/arm64' ? 'linux/s390x' : 'linux/arm64';

describe('builds for several platforms', () => {
  let builds: TestBuilds;
  let registry: FakeRegistry;

  const why = whyNoSandbox();
  beforeAll(async () => {
    if (why !== undefined) return;
    builds = await TestBuilds.create({});
    registry = await FakeRegistry.start();
    const manifests = [HOST, OTHER].map((name) => {
      const [os, architecture] = name.split('/');
      const tar = makeTar([['arch', name]]);
      const config = { os, architecture, config: {}, rootfs: { type: 'layers', diff_ids: [sha256(tar)] } };
      const descriptor = registry.addManifest('base', undefined, {
        schemaVersion: 2,
        mediaType: MEDIA.ociManifest,
        config: {
          mediaType: MEDIA.ociConfig,
          ...registry.addBlob('base', Buffer.from(JSON.stringify(config))),
        },
        layers: [{ mediaType: MEDIA.ociLayerGzip, ...registry.addBlob('base', gzipSync(tar)) }],
      } as never);
      return { ...descriptor, platform: { os, architecture } };
    });
    registry.addManifest('base', '1', { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests } as never);
    builds.write({ a: 'a\n' });
  });
  afterAll(async () => {
    await registry?.close();
    builds?.remove();
  });
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  const dockerfile = () => `FROM --platform=$BUILDPLATFORM base AS build
ARG TARGETARCH
RUN echo for $TARGETARCH >/made
FROM ${registry.host}/base:1
ARG TARGETPLATFORM
COPY --from=build /made /app/
COPY a /app/
LABEL built=$TARGETPLATFORM
`;
  const indexOf = (digest: string) => builds.store.blobs.readJson<Index>(digest as `sha256:${string}`);

  it('give an index of images, each with its own base and layers', async () => {
    const out = join(builds.folder, 'files');
    const { digest, manifest, events } = await builds.build(dockerfile(), {
      platforms: [HOST, OTHER],
      tags: ['app'],
      outputs: [{ type: 'image' }, { type: 'local', path: out }],
    });
    expect(manifest.mediaType).toBe(MEDIA.ociIndex);
    const { manifests } = indexOf(digest);
    expect(manifests.map(({ platform }) => formatPlatform(platform!))).toEqual([HOST, OTHER]);
    for (const { digest, platform } of manifests) {
      const { config } = builds.store.blobs.readJson<Manifest>(digest);
      const image = builds.store.blobs.readJson<ImageConfig>(config.digest);
      expect(image.architecture).toBe(platform!.architecture);
      expect(image.config!.Labels).toEqual({ built: formatPlatform(platform!) });
      const folder = join(out, formatPlatform(platform!).replaceAll('/', '_'));
      expect(readFileSync(join(folder, 'arch'), 'utf8')).toBe(formatPlatform(platform!));
      expect(readFileSync(join(folder, 'app/made'), 'utf8')).toBe(`for ${platform!.architecture}\n`);
    }
    const ids = events.flatMap((event) => (event.type === 'build.planned' ? event.steps : []));
    expect(new Set(ids.map(({ id }) => id)).size).toBe(ids.length);
    expect(ids.map(({ stage }) => stage)).toContain(`${OTHER} build`);
    expect(builds.store.images.get('docker.io/library/app:latest')!.manifest.digest).toBe(digest);
    expect((await verifyStore(builds.store)).problems).toEqual([]);
    const again = await builds.build(dockerfile(), { platforms: [HOST, OTHER], tags: ['app'] });
    expect(again.digest).toBe(digest);
  });

  it('give an index of one image, too, with BUILDKIT_MULTI_PLATFORM', async () => {
    const files = (name: string) => join(builds.folder, name);
    const text = 'FROM base\nCOPY a /\n';
    const plain = await builds.build(text);
    for (const [value, isIndex] of [
      ['0', false],
      ['', false],
      ['1', true],
      ['True', true],
    ] as const) {
      const out = files(`single-${value}`);
      const built = await builds.build(text, {
        buildArgs: { BUILDKIT_MULTI_PLATFORM: value },
        tags: ['single'],
        outputs: [
          { type: 'image' },
          { type: 'local', path: out },
          { type: 'archive', format: 'docker-archive', to: { path: `${out}.tar` } },
          { type: 'archive', format: 'oci-archive', to: { path: `${out}.oci` } },
        ],
      });
      expect(existsSync(join(out, isIndex ? HOST.replaceAll('/', '_') : '', 'a'))).toBe(true);
      expect(existsSync(`${out}.tar`)).toBe(true);
      expect(built.imageId).toBe(plain.imageId);
      if (!isIndex) expect(built.digest).toBe(plain.digest);
      else {
        const [one, ...more] = indexOf(built.digest).manifests;
        expect(one).toMatchObject({ digest: plain.digest, platform: hostPlatform() });
        expect(more).toEqual([]);
      }
    }
    expect(await builds.run(['run', '--rm', 'single', 'cat', '/a'])).toMatchObject({ code: 0, out: 'a\n' });
    for (const [value, platforms] of [
      ['yes', [HOST]],
      ['0', [HOST, OTHER]],
    ] as const) {
      const failure = await builds.failure(text, {
        buildArgs: { BUILDKIT_MULTI_PLATFORM: value },
        platforms: [...platforms],
      });
      expect(failure).toMatchObject({ code: 'PLATFORM_INVALID', exitCode: 2 });
    }
  });

  it('are pushed, and written to OCI archives, whole', async () => {
    const name = `${registry.host}/team/app:2`;
    const file = join(builds.folder, 'app.tar');
    const { digest } = await builds.build(dockerfile(), {
      platforms: [HOST, OTHER],
      tags: [name],
      outputs: [
        { type: 'image', push: true },
        { type: 'archive', format: 'oci-archive', to: { path: file } },
      ],
    });
    const pushed = registry.repository('team/app');
    expect(pushed.tags.get('2')).toBe(digest);
    for (const { digest: child } of indexOf(digest).manifests) expect(pushed.manifests.has(child)).toBe(true);
    const other = await TestBuilds.create();
    try {
      expect(await other.command(['load', '-i', file])).toMatchObject({ code: 0 });
      expect(other.store.images.get(name)!.manifest.digest).toBe(digest);
    } finally {
      other.remove();
    }
  });

  it('for one other platform need only COPY', async () => {
    const { config } = await builds.build(`FROM ${registry.host}/base:1\nCOPY a /\nWORKDIR /w\n`, {
      platform: OTHER,
    });
    expect(config.architecture).toBe(OTHER.split('/')[1]);
  });

  it('take the image for their platform also where the store has only that of another', async () => {
    const fresh = await TestBuilds.create();
    try {
      for (const platform of [HOST, OTHER, HOST]) {
        const out = join(fresh.folder, 'out');
        await fresh.build(`FROM ${registry.host}/base:1\n`, {
          platform,
          outputs: [{ type: 'local', path: out }],
        });
        expect(readFileSync(join(out, 'arch'), 'utf8')).toBe(platform);
      }
    } finally {
      fresh.remove();
    }
  });

  it('can be listed, and looked at, where none of them is for this machine', async () => {
    const others = ['linux/ppc64le', 'linux/s390x'];
    await builds.build('FROM scratch\nCOPY a /\n', { platforms: others, tags: ['foreign'] });
    expect(await builds.command(['images', '--format', '{{.Platform}}', 'foreign'])).toMatchObject({
      code: 0,
      out: `${others[0]}\n`,
      err: '',
    });
    expect(await builds.command(['inspect', '-f', '{{.Architecture}}', 'foreign'])).toMatchObject({
      out: 'ppc64le\n',
    });
    expect((await builds.run(['run', '--rm', 'foreign', '/a'])).err).toContain(
      'foreign is for linux/ppc64le',
    );
  });

  it('are refused before anything is done where a RUN would need another architecture', async (ctx) => {
    if (existsSync('/proc/sys/fs/binfmt_misc/status')) ctx.skip('this machine may run other architectures');
    const events: string[] = [];
    const error = await builds.failure(`FROM ${registry.host}/base:1\nCOPY a /\nRUN true\n`, {
      platform: OTHER,
      onEvent: ({ type }) => events.push(type),
    });
    expect(error.code).toBe('PLATFORM_FOREIGN');
    expect(error.location?.line).toBe(3);
    expect(events).not.toContain('step.started');
  });

  it('are refused by outputs that hold one image', async () => {
    const error = await builds.failure('FROM scratch\nCOPY a /\n', {
      platforms: [HOST, OTHER],
      outputs: [{ type: 'archive', format: 'docker-archive', to: { path: join(builds.folder, 'x') } }],
    });
    expect(error).toMatchObject({ code: 'OUTPUT_INVALID', exitCode: 2 });
  });
});
