import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readArchive } from '../../src/export/archive-read.ts';
import { sha256 } from '../../src/image/digest.ts';
import { MEDIA } from '../../src/image/types.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { makeTar } from '../support/images.ts';
import { CONFIG_MEMBERS, ODD_VALUES, oddConfig } from '../support/odd-images.ts';
import { FakeRegistry } from '../support/registry.ts';
import { sample } from '../support/thorough.ts';

let builds: TestBuilds;
let registry: FakeRegistry;
beforeAll(async () => {
  registry = await FakeRegistry.start();
});
afterAll(() => registry?.close());
// A store for each test: looking it through takes the longer the more is in it.
beforeEach(async () => {
  builds = await TestBuilds.create();
});
afterEach(() => builds?.remove());

const layer = makeTar([['file', 'content']]);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const descriptor = (mediaType: string, bytes: Buffer) => ({
  mediaType,
  digest: sha256(bytes),
  size: bytes.length,
});

interface Image {
  index: Buffer;
  manifest: Buffer;
  config: Buffer;
}

function image(configValue: unknown): Image {
  const config = json(configValue);
  const manifest = json({
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: descriptor(MEDIA.ociConfig, config),
    layers: [descriptor(MEDIA.ociLayer, layer)],
  });
  const index = json({ schemaVersion: 2, manifests: [descriptor(MEDIA.ociManifest, manifest)] });
  return { index, manifest, config };
}

/** The files of an OCI layout, some of them replaced; undefined leaves one out. */
function layoutFiles(
  { index, manifest, config }: Image,
  other: Record<string, Buffer | undefined> = {},
): [string, Buffer][] {
  const files: Record<string, Buffer | undefined> = {
    'oci-layout': json({ imageLayoutVersion: '1.0.0' }),
    'index.json': index,
    [`blobs/sha256/${sha256(manifest).slice(7)}`]: manifest,
    [`blobs/sha256/${sha256(config).slice(7)}`]: config,
    [`blobs/sha256/${sha256(layer).slice(7)}`]: layer,
    ...other,
  };
  return Object.entries(files).filter((entry): entry is [string, Buffer] => entry[1] !== undefined);
}

let made = 0;
function writeLayout(files: [string, Buffer][]): string {
  const folder = join(builds.folder, `layout-${made++}`);
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
  return folder;
}

/** Whether something works; anything but an error of ours is thrown on. */
async function works(what: () => Promise<unknown>): Promise<boolean> {
  try {
    await what();
    return true;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // What is thrown by Jettison for an image has a code and says what it is about.
    if ((error as Error).name !== 'JettisonError') throw error;
    expect(code).toMatch(
      /^(IMAGE_INVALID|OCI_LAYOUT|ARCHIVE_INVALID|DIGEST_MISMATCH|BASE_UNKNOWN|ONBUILD_TRIGGER|MANIFEST_UNSUPPORTED|DIGEST_INVALID|BLOB_.*)$/,
    );
    expect(message.length).toBeGreaterThan(20);
    return false;
  }
}

const load = (files: [string, Buffer][]) =>
  works(() => readArchive(builds.store, Readable.from([makeTar(files)]) as AsyncIterable<Buffer>));
const fromLayout = (files: [string, Buffer][]) =>
  works(() =>
    builds.build(
      'FROM base\nENV a=b\nLABEL a=b\nEXPOSE 1\nVOLUME /v\nHEALTHCHECK CMD x\nCOPY --from=base /file /x\n',
      {
        contexts: { base: `oci-layout://${writeLayout(files)}` },
      },
    ),
  );
const pull = ({ manifest, config }: Image) => {
  const name = `odd${made++}`;
  registry.addBlob(name, config);
  registry.addBlob(name, layer);
  registry.addManifest(name, 'latest', JSON.parse(manifest.toString()));
  return works(() => builds.build(`FROM ${registry.host}/${name}\nENV a=b\n`, { registryInsecure: true }));
};

/** Whatever was taken or refused: nothing of it spoils the store. */
async function expectSound(): Promise<void> {
  expect((await verifyStore(builds.store)).problems).toEqual([]);
}

describe('images with odd configs', () => {
  test.each(sample([...CONFIG_MEMBERS.entries()], 8).map(([i, member]) => [member, i] as const))(
    '%s',
    async (member, i) => {
      for (const [j, value] of ODD_VALUES.entries()) {
        // Each kind of value somewhere, on each way in.
        if ((i + j) % 5 !== 0) continue;
        const odd = image(oddConfig(member, value, [sha256(layer)]));
        await load(layoutFiles(odd));
        await fromLayout(layoutFiles(odd));
        await pull(odd);
      }
      await expectSound();
    },
  );

  test('images that Docker accepts are read from every source', async () => {
    const odd = image({
      ...oddConfig('history', [null, { created_by: 'x' }], [sha256(layer)]),
      config: { Env: ['NOVALUE'], Labels: null, Volumes: { '/v': null }, Unknown: {} },
      container_config: { Env: 7 },
    });
    expect(await load(layoutFiles(odd))).toBe(true);
    expect(await fromLayout(layoutFiles(odd))).toBe(true);
    expect(await pull(odd)).toBe(true);
  });
});

describe('garbled layouts and archives', () => {
  const sound = image(oddConfig('author', 'x', [sha256(layer)]));
  const manifestFile = `blobs/sha256/${sha256(sound.manifest).slice(7)}`;
  const garbled: [string, string][] = [
    '',
    'x',
    '{',
    'null',
    '[]',
    '7',
    '"x"',
    '{}',
    '[null]',
    '{"manifests":[null]}',
    '{"manifests":{}}',
    '{"manifests":[{}]}',
    '{"manifests":[[]]}',
    '{"manifests":"x"}',
    '[[]]',
    '[{"Config":1}]',
    '[{"Config":"x","Layers":[1]}]',
    '{"imageLayoutVersion":"2.0.0"}',
    '{"imageLayoutVersion":{}}',
    '['.repeat(5000),
  ].map((text) => [text.slice(0, 40), text]);
  test.each(sample(garbled, 5))('%s', async (_, text) => {
    for (const name of ['index.json', 'oci-layout', 'manifest.json', manifestFile]) {
      const files = layoutFiles(sound, { [name]: Buffer.from(text) });
      await load(files);
      await load(
        files.filter(([file]) => file === name || (name === 'manifest.json' && file !== 'index.json')),
      );
      await fromLayout(files);
    }
    await expectSound();
  });

  test('a newer layout is refused by its version', async () => {
    const files = layoutFiles(sound, { 'oci-layout': json({ imageLayoutVersion: '2.0.0' }) });
    await expect(
      readArchive(builds.store, Readable.from([makeTar(files)]) as AsyncIterable<Buffer>),
    ).rejects.toThrow('layout version 2.0.0');
    const error = await builds.failure('FROM base\n', {
      contexts: { base: `oci-layout://${writeLayout(files)}` },
    });
    expect(error.message).toContain('layout version 2.0.0');
    expect(await load(layoutFiles(sound))).toBe(true);
    expect(await fromLayout(layoutFiles(sound, { 'oci-layout': undefined }))).toBe(true);
  });

  test('documents of a layout have limits, which their errors name', async () => {
    const failure = (image: Image, other: Record<string, Buffer> = {}) =>
      builds.failure('FROM base\n', {
        contexts: { base: `oci-layout://${writeLayout(layoutFiles(image, other))}` },
      });
    const blanks = Buffer.alloc(9 * 2 ** 20, ' ');
    const large = image(oddConfig('author', 'x'.repeat(9 * 2 ** 20), [sha256(layer)]));
    const deep = Buffer.from(`${'['.repeat(5000)}${']'.repeat(5000)}`);
    for (const [file, name] of [
      ['index.json', 'manifest-size'],
      ['oci-layout', 'manifest-size'],
      [manifestFile, 'manifest-size'],
    ] as const) {
      expect(await failure(sound, { [file]: blanks })).toMatchObject({
        code: 'OCI_LAYOUT',
        message: expect.stringContaining(`the limit "${name}"`),
      });
    }
    expect((await failure(large)).message).toContain('the limit "config-size"');
    expect(await failure(sound, { 'index.json': deep })).toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringContaining('the limit "json-depth"'),
    });
  });

  test('a FIFO in the place of a document is refused', async () => {
    const folder = writeLayout(layoutFiles(sound, { 'index.json': undefined }));
    execFileSync('mkfifo', [join(folder, 'index.json')]);
    const error = await builds.failure('FROM base\n', { contexts: { base: `oci-layout://${folder}` } });
    expect(error.message).toContain('index.json is not a file');
  });
});
