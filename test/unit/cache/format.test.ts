import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CachedStep, INLINE_MEMBER, readCache } from '../../../src/cache/cache-manifest.ts';
import type { CacheDocument } from '../../../src/cache/place.ts';
import { sha256 } from '../../../src/image/digest.ts';
import { MEDIA } from '../../../src/image/types.ts';
import { layerId } from '../../../src/store/layers.ts';
import { KEY_VERSION } from '../../../src/store/records.ts';

const key = sha256('layer');
const blob = { mediaType: MEDIA.ociLayerGzip, digest: sha256('blob'), size: 7 };
const STEP: CachedStep = {
  step: { definition: sha256('definition'), key: sha256('key'), title: 'RUN x' },
  layer: {
    id: layerId(key),
    key,
    kind: 'run',
    content: sha256('content'),
    entries: 1,
    size: 2,
    indexSize: 3,
    indexDigest: sha256('index'),
    created: '2026-01-01T00:00:00.000Z',
  },
  packed: { diffId: sha256('tar'), blob },
};

const read = (config: unknown, layers: unknown[] = []) =>
  readCache({ manifest: { layers }, config } as unknown as CacheDocument);

/** A copy with one member, anywhere in it, replaced. */
function spoiled<T>(value: T, path: readonly string[], by: unknown): T {
  const copy = structuredClone(value) as Record<string, unknown>;
  let at = copy;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string, unknown>;
  at[path.at(-1)!] = by;
  return copy as T;
}

const PATHS = [
  ['step'],
  ['step', 'definition'],
  ['step', 'key'],
  ['step', 'title'],
  ['layer'],
  ['layer', 'id'],
  ['layer', 'key'],
  ['layer', 'kind'],
  ['layer', 'content'],
  ['layer', 'entries'],
  ['layer', 'size'],
  ['layer', 'indexSize'],
  ['layer', 'created'],
  ['packed'],
  ['packed', 'diffId'],
  ['packed', 'blob'],
  ['packed', 'blob', 'digest'],
  ['packed', 'blob', 'size'],
  ['packed', 'blob', 'mediaType'],
];

describe("the manifest of another machine's cache", () => {
  it('is read back unchanged', () => {
    expect(read({ version: KEY_VERSION, steps: [STEP] })).toEqual({
      version: KEY_VERSION,
      steps: [STEP],
      mounts: [],
    });
  });

  it('is ignored in another version, or without steps', () => {
    for (const config of [undefined, null, {}, { version: KEY_VERSION }, { version: 'other', steps: [STEP] }])
      expect(read(config)).toBeUndefined();
  });

  it.each(PATHS)('loses the step, and no other, whose %s %s %s is of no use', (...path) => {
    const names = path.filter((name) => name !== undefined);
    for (const value of [undefined, null, -1, {}, [], true]) {
      const steps = [STEP, spoiled(STEP, names, value), STEP];
      expect(read({ version: KEY_VERSION, steps })?.steps, String(value)).toEqual([STEP, STEP]);
    }
  });

  it('is read as empty, for any other JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.jsonValue(), (steps, mounts) => {
        expect(read({ version: KEY_VERSION, steps, mounts })).toEqual({
          version: KEY_VERSION,
          steps: [],
          mounts: [],
        });
      }),
    );
  });

  it('counts in an image for the layers that the image has, in the form that they have there', () => {
    const config = {
      rootfs: { type: 'layers', diff_ids: [sha256('other'), STEP.packed.diffId] },
      [INLINE_MEMBER]: { version: KEY_VERSION, steps: [STEP, { ...STEP, packed: { diffId: key, blob } }] },
    };
    const own = { ...blob, digest: sha256('own') };
    expect(read(config, [blob, own])?.steps).toEqual([{ ...STEP, packed: { ...STEP.packed, blob: own } }]);
  });
});
