import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import { parseDocument, readConfig, readIndex, readManifest } from '../../../src/image/sound.ts';
import { type Descriptor, MEDIA } from '../../../src/image/types.ts';
import { imageKey } from '../../../src/plan/input.ts';
import { planBuild } from '../../../src/plan/planner.ts';
import { CONFIG_MEMBERS, ODD_VALUES, oddConfig } from '../../support/odd-images.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const DIGEST = `sha256:${'a'.repeat(64)}` as const;
const blob: Descriptor = { mediaType: MEDIA.ociLayer, digest: DIGEST, size: 1 };
const platform = { os: 'linux', architecture: 'amd64' };

/** Every instruction that looks at, or adds to, what the base has. */
const DOCKERFILE =
  'FROM base\nENV a=$PATH b=c\nLABEL a=b\nEXPOSE 80\nVOLUME /v\nONBUILD RUN x\nARG x=$a\nUSER u\nWORKDIR w\n' +
  'HEALTHCHECK CMD x\nRUN x\nCOPY a b\nENTRYPOINT x\nCMD y\n';

/** What planning makes of a base with that config; the error of one that is refused. */
function use(config: unknown): JettisonError | undefined {
  let read: ReturnType<typeof readConfig>;
  try {
    read = readConfig(bytes(config), 'the config of base');
  } catch (error) {
    if (error instanceof JettisonError) return error;
    throw error;
  }
  const base = {
    reference: 'docker.io/library/base:latest',
    digest: DIGEST,
    platform: { os: read.os, architecture: read.architecture },
    config: read.config ?? {},
    history: read.history ?? [],
    layers: [],
  };
  const request = { ...base, location: { file: 'D', line: 1, column: 1 }, source: '', platform };
  try {
    const { kind } = planBuild({
      dockerfile: parseDockerfile(DOCKERFILE, 'D'),
      buildArgs: {},
      labels: { c: 'd' },
      platform,
      buildPlatform: platform,
      network: 'host',
      images: new Map([[imageKey(request), base]]),
    });
    expect(kind).toBe('plan');
  } catch (error) {
    // Triggers may be anything.
    if (error instanceof JettisonError && error.code === 'ONBUILD_TRIGGER') return undefined;
    throw error;
  }
  return undefined;
}

describe('the config of an image', () => {
  test.each(CONFIG_MEMBERS)('with anything as %s is used, or refused by that name', (member) => {
    for (const value of ODD_VALUES) {
      const error = use(oddConfig(member, value));
      if (error === undefined) continue;
      expect(error.code).toBe('IMAGE_INVALID');
      expect(error.message).toContain(`the config of base is not valid: `);
      expect(error.message).toContain(member.split('.').at(-1));
    }
    // Missing, and null, which is the same, are refused for what an image cannot be without only.
    const required = member === 'rootfs' || member === 'rootfs.diff_ids';
    expect(use(oddConfig(member, null)) !== undefined).toBe(required);
    expect(use(oddConfig(member, undefined)) !== undefined).toBe(required);
  });

  test('may have every form that Docker accepts', () => {
    const config = {
      architecture: 'amd64',
      os: 'linux',
      config: {
        Env: ['PATH=/bin', 'NOVALUE', '=x', ''],
        Labels: { a: null },
        Volumes: { '/v': null },
        Unknown: [1],
      },
      container_config: { Env: 7 },
      docker_version: 1,
      history: [null, { created_by: 'x', extra: {} }],
      rootfs: { type: 'layers', diff_ids: [DIGEST, DIGEST, DIGEST] },
    };
    expect(use(config)).toBeUndefined();
    const read = readConfig(bytes(config), 'x');
    expect(read.history).toEqual([{}, { created_by: 'x', extra: {} }]);
    expect(read.config).toMatchObject({ Labels: { a: '' }, Volumes: { '/v': {} }, Unknown: [1] });
    expect(readConfig(bytes({ rootfs: { diff_ids: [] } }), 'x')).toMatchObject({ os: 'linux' });
  });

  test('is read or refused, for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 3 }), (value, inner) => {
        for (const document of [value, { rootfs: { diff_ids: [] }, config: value, history: inner }])
          use(document);
        for (const read of [readManifest, readIndex]) {
          try {
            read(bytes({ config: value, layers: inner, manifests: inner }), 'x');
          } catch (error) {
            expect(error).toBeInstanceOf(JettisonError);
          }
        }
      }),
    );
  });
});

describe('manifests and indexes', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['no layers', { config: blob }],
    ['no config', { layers: [] }],
    ['a layer that is null', { config: blob, layers: [null] }],
    ['a layer without a digest', { config: blob, layers: [{ mediaType: 'x', size: 1 }] }],
    ['a digest of another kind', { config: blob, layers: [{ ...blob, digest: 'md5:1' }] }],
    ['a negative size', { config: blob, layers: [{ ...blob, size: -1 }] }],
    ['a fraction as size', { config: blob, layers: [{ ...blob, size: 1.5 }] }],
    ['annotations that are no strings', { config: blob, layers: [], annotations: { a: 1 } }],
  ])('%s is refused as a manifest', (_, value) => {
    expect(() => readManifest(bytes(value), 'the manifest of x')).toThrow(
      /^the manifest of x is not valid: /,
    );
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['null', { manifests: [null] }],
    ['no list', { manifests: {} }],
    ['a platform that is a text', { manifests: [{ ...blob, platform: 'linux/amd64' }] }],
    [
      'an architecture that is a number',
      { manifests: [{ ...blob, platform: { os: 'linux', architecture: 1 } }] },
    ],
  ])('an index with %s is refused', (_, value) => {
    expect(() => readIndex(bytes(value), 'the index of x')).toThrow(/^the index of x is not valid: /);
  });

  test.each(['', '{', '[1,', 'nul', '\ufffd', '"'])('rejects invalid JSON: %j', (text) => {
    expect(() => parseDocument(Buffer.from(text), 'x')).toThrow(/^x is not valid: it is not JSON/);
  });

  test('rejects deep nesting, and does not count brackets in strings', () => {
    const deep = Buffer.from(`{"rootfs":{"diff_ids":[]},"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(() => readConfig(deep, 'x')).toThrow('nested');
    expect(parseDocument(Buffer.from(JSON.stringify('[{"\\'.repeat(1000))), 'x')).toBe('[{"\\'.repeat(1000));
  });
});
