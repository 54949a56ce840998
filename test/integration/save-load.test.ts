import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { command as load } from '../../src/cli/commands/load.ts';
import { command as save } from '../../src/cli/commands/save.ts';
import { canonicalJson, type Digest, hex, sha256 } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { type ImageConfig, type Manifest, MEDIA } from '../../src/image/types.ts';
import { pullImage } from '../../src/registry/pull.ts';
import { pushImage } from '../../src/registry/push.ts';
import { Registries } from '../../src/registry/registries.ts';
import { findImage } from '../../src/store/lookup.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { makeImage, makeLayer, makeStore, makeTar, runCommand, type TestStore } from '../support/images.ts';
import { FakeRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

let from: TestStore;
let to: TestStore;
let folder: string;
beforeEach(() => {
  from = makeStore();
  to = makeStore();
  folder = tempDir();
});
afterEach(() => {
  from.remove();
  to.remove();
});

const runSave = (...args: string[]) => runCommand(save, args, { home: from.home, cwd: folder });
const runLoad = (archive: Uint8Array, ...args: string[]) =>
  runCommand(load, args, { home: to.home, cwd: folder, stdin: archive });

async function app() {
  const layers = [
    makeLayer(from.store, { 'etc/x': 'one' }),
    makeLayer(from.store, { big: 'x'.repeat(100_000) }),
  ];
  return {
    ...(await makeImage(from.store, { name: 'app:1', layers, config: { config: { User: 'node' } } })),
    layers,
  };
}

describe('save and load', () => {
  it.each(['docker-archive', 'oci-archive'])('bring an image over as it is: %s', async (format) => {
    const { manifest, config, layers } = await app();
    const { bytes } = await runSave('--format', format, 'app:1');
    expect((await runLoad(bytes)).stdout).toBe('Loaded image: app:1\n');
    const image = findImage(to.store, 'app:1');
    expect(image.target).toEqual(manifest);
    expect(image.id).toBe(config.digest);
    expect(image.manifest.layers).toEqual(layers.map(({ blob }) => blob));
    expect((await verifyStore(to.store)).problems).toEqual([]);
    expect(readdirSync(to.store.layout.temporary)).toEqual([]);
  });

  it('write the same bytes for the same images, to a file or a pipe', async () => {
    await app();
    const { bytes } = await runSave('app:1');
    expect((await runSave('app:1')).bytes.equals(bytes)).toBe(true);
    expect((await runSave('-o', 'app.tar', 'app:1')).stdout).toBe('');
    expect(readFileSync(join(folder, 'app.tar')).equals(bytes)).toBe(true);
    expect(readdirSync(folder)).toEqual(['app.tar']);
    expect((await runCommand(load, ['-i', 'app.tar'], { home: to.home, cwd: folder })).code).toBe(0);
  });

  it('take several images, several names of one, and images without a name', async () => {
    const { manifest } = await app();
    from.store.images.put('registry.example/app:2', manifest);
    const other = await makeImage(from.store, { name: 'other', layers: [makeLayer(from.store, { a: 'a' })] });
    const loose = await makeImage(from.store, { config: { author: 'x' } });
    const { bytes } = await runSave('app:1', 'registry.example/app:2', 'other', loose.config.digest, 'app:1');
    const { stdout } = await runLoad(bytes);
    expect(stdout).toBe(
      `Loaded image: app:1\nLoaded image: registry.example/app:2\nLoaded image: other:latest\nLoaded image ID: ${loose.config.digest}\n`,
    );
    expect(findImage(to.store, 'other').id).toBe(other.config.digest);
    expect(to.store.images.list()).toEqual(
      from.store.images.list().map((image) => ({ ...image, updated: expect.any(String) })),
    );
    expect((await runLoad(bytes, '-q')).stdout.split('\n')).toHaveLength(4);
  });

  it('load archives compressed with gzip', async () => {
    await app();
    const { bytes } = await runSave('app:1');
    expect((await runLoad(gzipSync(bytes))).stdout).toBe('Loaded image: app:1\n');
  });

  it('are strict about their arguments', async () => {
    await app();
    expect((await runSave()).code).toBe(2);
    expect((await runSave('--format', 'zip', 'app:1')).code).toBe(2);
    expect((await runSave('nothing')).error).toMatchObject({ code: 'IMAGE_UNKNOWN' });
    expect((await runSave('-o', '.', 'app:1')).error).toMatchObject({ code: 'OUTPUT_INVALID' });
    expect((await runSave('-o', 'no/such/file', 'app:1')).error).toMatchObject({ code: 'OUTPUT_INVALID' });
    const terminal = await runCommand(save, ['app:1'], { home: from.home, columns: 80 });
    expect(terminal).toMatchObject({ code: 2, stdout: '' });
    expect((await runCommand(load, ['-i', 'none'], { home: to.home })).error).toMatchObject({
      code: 'INPUT_MISSING',
    });
    expect((await runCommand(load, [], { home: to.home, typed: '' })).code).toBe(2);
  });

  it("download missing layers from the image's repository", async () => {
    const { manifest, config } = await app();
    const registry = await FakeRegistry.start();
    const registries = new Registries({ env: {} });
    try {
      const reference = parseReference(`${registry.host}/team/app:1`);
      await pushImage(from.store, registries, reference, manifest);
      await pullImage(to.store, registries, reference, { os: 'linux', architecture: 'amd64' });
      // An image of another name on top of it: where its layers come from is still known.
      to.store.images.put('docker.io/library/mine:1', findImage(to.store, config.digest).target);
      const { bytes, error } = await runCommand(save, ['mine:1'], { home: to.home });
      expect(error).toBeUndefined();
      expect(bytes.length).toBe((await runSave('app:1')).bytes.length);
    } finally {
      registries.close();
      await registry.close();
    }
  });

  it('ask every repository that is known to have held a layer', async () => {
    const { manifest, layers } = await app();
    const registry = await FakeRegistry.start();
    const registries = new Registries({ env: {} });
    try {
      for (const name of ['one', 'two', 'three']) {
        await pushImage(from.store, registries, parseReference(`${registry.host}/${name}:1`), manifest);
      }
      const { digest, size } = layers[0]!.blob;
      for (const name of ['one', 'three']) registry.repository(name).blobs.delete(digest);
      rmSync(from.store.blobs.path(digest));
      const { bytes, error } = await runSave('app:1');
      expect(error).toBeUndefined();
      expect(bytes.length).toBeGreaterThan(0);
      expect(from.store.blobs.has(digest, size)).toBe(true);

      registry.repository('two').blobs.delete(digest);
      rmSync(from.store.blobs.path(digest));
      expect((await runSave('app:1')).error).toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
    } finally {
      registries.close();
      await registry.close();
    }
  });

  it('save nothing when a layer was never fetched and has no known origin', async () => {
    const { layers } = await app();
    rmSync(from.store.blobs.path(layers[0]!.blob.digest));
    const { error, bytes } = await runSave('app:1');
    expect(error).toMatchObject({ code: 'BLOB_MISSING' });
    expect(bytes).toHaveLength(0);
  });
});

describe('archives of docker save before version 25', () => {
  const layer = makeTar([['etc/hello', 'hello']]);
  const config = (diffIds: Digest[]): Buffer =>
    Buffer.from(
      JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: diffIds } }),
    );
  const manifest = (bytes: Buffer, layers: string[], tags: string[] | null = ['old:1']) =>
    JSON.stringify([{ Config: `${hex(sha256(bytes))}.json`, RepoTags: tags, Layers: layers }]);

  it('keeps its id, and its layers uncompressed', async () => {
    const bytes = config([sha256(layer), sha256(layer)]);
    const archive = makeTar([
      ['aaa/VERSION', '1.0'],
      ['aaa/json', '{}'],
      ['aaa/layer.tar', layer],
      [{ path: 'bbb/layer.tar', type: 'symlink', mode: 0o777, link: '../aaa/layer.tar' }],
      [`${hex(sha256(bytes))}.json`, bytes],
      ['manifest.json', manifest(bytes, ['aaa/layer.tar', 'bbb/layer.tar'])],
      ['repositories', '{"old":{"1":"bbb"}}'],
    ]);
    expect((await runLoad(archive)).stdout).toBe('Loaded image: old:1\n');
    const image = findImage(to.store, 'old:1');
    expect(image.id).toBe(sha256(bytes));
    expect(image.manifest.layers).toEqual([
      { mediaType: MEDIA.ociLayer, digest: sha256(layer), size: layer.length },
      { mediaType: MEDIA.ociLayer, digest: sha256(layer), size: layer.length },
    ]);
    expect((await verifyStore(to.store)).problems).toEqual([]);
  });

  it('may come without a name', async () => {
    const bytes = config([]);
    const archive = makeTar([
      [`${hex(sha256(bytes))}.json`, bytes],
      ['manifest.json', manifest(bytes, [], null)],
    ]);
    expect((await runLoad(archive)).stdout).toBe(`Loaded image ID: ${sha256(bytes)}\n`);
  });

  const good = config([sha256(layer)]);
  const name = `${hex(sha256(good))}.json`;
  it.each<[string, string, Parameters<typeof makeTar>[0]]>([
    [
      'another layer than promised',
      'DIGEST_MISMATCH',
      [
        [name, good],
        ['l', makeTar([['x', 'y']])],
        ['manifest.json', manifest(good, ['l'])],
      ],
    ],
    [
      'another config than promised',
      'DIGEST_MISMATCH',
      [
        [name, config([])],
        ['manifest.json', manifest(good, [])],
      ],
    ],
    [
      'no layer',
      'ARCHIVE_INVALID',
      [
        [name, good],
        ['manifest.json', manifest(good, ['l'])],
      ],
    ],
    [
      'no config',
      'ARCHIVE_INVALID',
      [
        ['l', layer],
        ['manifest.json', manifest(good, ['l'])],
      ],
    ],
    [
      'too few layers',
      'ARCHIVE_INVALID',
      [
        [name, good],
        ['manifest.json', manifest(good, [])],
      ],
    ],
    ['no JSON', 'IMAGE_INVALID', [['manifest.json', '[{']]],
    ['no list', 'ARCHIVE_INVALID', [['manifest.json', '{}']]],
    [
      'a bad name',
      'REFERENCE_INVALID',
      [
        [name, good],
        ['l', layer],
        ['manifest.json', manifest(good, ['l'], ['A:B:C'])],
      ],
    ],
    ['only repositories', 'ARCHIVE_INVALID', [['repositories', '{}']]],
    ['a file system', 'ARCHIVE_INVALID', [['etc/passwd', 'root']]],
    ['nothing', 'ARCHIVE_INVALID', []],
  ])('is refused with %s, and leaves no image', async (_what, code, members) => {
    const { error, stdout } = await runLoad(makeTar(members));
    expect(error).toMatchObject({ code });
    expect(stdout).toBe('');
    expect(to.store.images.list()).toEqual([]);
    expect(readdirSync(to.store.layout.temporary)).toEqual([]);
  });
});

describe('OCI archives', () => {
  const layer = gzipSync(makeTar([['a', 'a']]));
  const config: ImageConfig = {
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [sha256(makeTar([['a', 'a']]))] },
  };
  const blob = (bytes: Buffer): [string, Buffer] => [`blobs/sha256/${hex(sha256(bytes))}`, bytes];
  const describeBlob = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: sha256(bytes),
    size: bytes.length,
  });
  const configBytes = Buffer.from(JSON.stringify(config));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: describeBlob(configBytes, MEDIA.ociConfig),
    layers: [describeBlob(layer, MEDIA.ociLayerGzip)],
  };
  const manifestBytes = Buffer.from(JSON.stringify(manifest, null, 2));
  const index = (
    annotations: Record<string, string>,
    bytes = manifestBytes,
    mediaType: string = MEDIA.ociManifest,
  ) => canonicalJson({ schemaVersion: 2, manifests: [{ ...describeBlob(bytes, mediaType), annotations }] });
  const REF = 'org.opencontainers.image.ref.name';

  it.each([
    [{ [REF]: 'docker.io/library/app:1' }, 'Loaded image: app:1\n'],
    [{ [REF]: 'app:1' }, 'Loaded image: app:1\n'],
    [{ [REF]: '1', 'io.containerd.image.name': 'docker.io/library/app:1' }, 'Loaded image: app:1\n'],
    [{ [REF]: '1' }, `Loaded image ID: ${manifest.config.digest}\n`],
    [{ [REF]: 'Not/Docker:s' }, `Loaded image ID: ${manifest.config.digest}\n`],
    [{}, `Loaded image ID: ${manifest.config.digest}\n`],
  ])('are called what their annotations say: %j', async (annotations, stdout) => {
    const members: Parameters<typeof makeTar>[0] = [
      ['./oci-layout', '{}'],
      ['./index.json', index(annotations as Record<string, string>)],
      blob(manifestBytes),
      blob(configBytes),
      blob(layer),
    ];
    expect((await runLoad(makeTar(members))).stdout).toBe(stdout);
    expect(to.store.images.list()[0]!.manifest.digest).toBe(sha256(manifestBytes));
    expect((await verifyStore(to.store)).problems).toEqual([]);
  });

  it('may hold an index of several platforms, of which some are missing', async () => {
    const absent = sha256('absent');
    const nested = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA.ociIndex,
        manifests: [
          {
            mediaType: MEDIA.ociManifest,
            digest: absent,
            size: 1,
            platform: { os: 'linux', architecture: 's390x' },
          },
          {
            ...describeBlob(manifestBytes, MEDIA.ociManifest),
            platform: { os: 'linux', architecture: 'amd64' },
          },
        ],
      }),
    );
    const members: Parameters<typeof makeTar>[0] = [
      ['index.json', index({ [REF]: 'multi:1' }, nested, MEDIA.ociIndex)],
      ...[nested, manifestBytes, configBytes, layer].map(blob),
    ];
    expect((await runLoad(makeTar(members))).stdout).toBe('Loaded image: multi:1\n');
    const image = findImage(to.store, 'multi:1');
    expect(image.target.digest).toBe(sha256(nested));
    expect(image.descriptor.digest).toBe(sha256(manifestBytes));
  });

  const other = gzipSync(makeTar([['b', 'b']]));
  const swapped = Buffer.from(
    JSON.stringify({ ...manifest, layers: [describeBlob(other, MEDIA.ociLayerGzip)] }),
  );
  const broken = Buffer.concat([gzipSync('x'), Buffer.from('rest')]);
  const damaged = Buffer.from(
    JSON.stringify({ ...manifest, layers: [describeBlob(broken, MEDIA.ociLayerGzip)] }),
  );
  it.each<[string, string, Parameters<typeof makeTar>[0]]>([
    [
      'a blob of another digest',
      'DIGEST_MISMATCH',
      [
        [`blobs/sha256/${'0'.repeat(64)}`, 'x'],
        ['index.json', index({})],
      ],
    ],
    [
      'a blob without a digest',
      'ARCHIVE_INVALID',
      [
        ['blobs/sha256/../../x', 'x'],
        ['blobs/sha256/abc', 'x'],
      ],
    ],
    ['a missing manifest', 'ARCHIVE_INVALID', [['index.json', index({})]]],
    ['a missing config', 'ARCHIVE_INVALID', [['index.json', index({})], blob(manifestBytes), blob(layer)]],
    [
      'a missing layer',
      'ARCHIVE_INVALID',
      [['index.json', index({})], blob(manifestBytes), blob(configBytes)],
    ],
    [
      'a layer of another diff id',
      'DIGEST_MISMATCH',
      [['index.json', index({}, swapped)], blob(swapped), blob(configBytes), blob(other)],
    ],
    [
      'a damaged layer',
      'COMPRESSION_INVALID',
      [['index.json', index({}, damaged)], blob(damaged), blob(configBytes), blob(broken)],
    ],
    [
      'an artifact',
      'ARCHIVE_INVALID',
      [['index.json', index({}, manifestBytes, 'application/x')], blob(manifestBytes)],
    ],
  ])('are refused with %s', async (_what, code, members) => {
    expect((await runLoad(makeTar(members))).error).toMatchObject({ code });
    expect(to.store.images.list()).toEqual([]);
  });
});

describe('hostile archives', () => {
  it('touch nothing outside the store', async () => {
    const archive = makeTar([
      ['../escape', 'x'],
      ['/tmp/jettison-test-escape', 'x'],
      [{ path: 'link', type: 'symlink', mode: 0o777, link: '../../../etc/passwd' }],
      ['link/escape', 'x'],
      ['manifest.json', JSON.stringify([{ Config: 'link', RepoTags: null, Layers: ['../escape'] }])],
    ]);
    expect((await runLoad(archive)).error).toMatchObject({ code: 'ARCHIVE_INVALID' });
    expect(readdirSync(folder)).toEqual([]);
    expect(readdirSync(join(to.home, '..'))).not.toContain('escape');
  });

  it('end with an error, not with a hang: cut short, links in circles, no archive at all', async () => {
    await app();
    const { bytes } = await runSave('app:1');
    for (const length of [600, 5000, bytes.length - 5000]) {
      expect((await runLoad(bytes.subarray(0, length))).code).toBe(1);
    }
    expect((await runLoad(gzipSync(bytes).subarray(0, 700))).error).toMatchObject({
      code: 'COMPRESSION_INVALID',
    });
    const circle = makeTar([
      [{ path: 'a', type: 'symlink', mode: 0o777, link: 'b' }],
      [{ path: 'b', type: 'symlink', mode: 0o777, link: 'a' }],
      ['manifest.json', JSON.stringify([{ Config: 'a', RepoTags: null, Layers: ['b'] }])],
    ]);
    expect((await runLoad(circle)).error).toMatchObject({ code: 'ARCHIVE_INVALID' });
    expect((await runLoad(brotliCompressSync(bytes))).code).toBe(1);
    const nothing = { code: 'ARCHIVE_INVALID', message: 'the archive is empty' };
    expect((await runLoad(Buffer.alloc(0))).error).toMatchObject(nothing);
    expect(to.store.images.list()).toEqual([]);
  });
});

it('GNU tar reads a saved archive', async (ctx) => {
  await app();
  await runSave('-o', 'app.tar', 'app:1');
  let listing: string;
  try {
    listing = execFileSync('tar', ['-tf', join(folder, 'app.tar')], { encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') ctx.skip('tar is not installed');
    throw error;
  }
  expect(listing).toMatch(
    /^blobs\/\nblobs\/sha256\/\n(blobs\/sha256\/[0-9a-f]{64}\n){4}index\.json\nmanifest\.json\noci-layout\n$/,
  );
});

it('a saved file replaces another only when it is complete', async () => {
  const { layers } = await app();
  writeFileSync(join(folder, 'app.tar'), 'before');
  const interrupted = new AbortController();
  interrupted.abort();
  const options = { home: from.home, cwd: folder, signal: interrupted.signal };
  await expect(runCommand(save, ['-o', 'app.tar', 'app:1'], options)).rejects.toThrow();
  rmSync(from.store.blobs.path(layers[1]!.blob.digest));
  expect((await runSave('-o', 'app.tar', 'app:1')).error).toMatchObject({ code: 'BLOB_MISSING' });
  expect(readdirSync(folder)).toEqual(['app.tar']);
  expect(readFileSync(join(folder, 'app.tar'), 'utf8')).toBe('before');
});
