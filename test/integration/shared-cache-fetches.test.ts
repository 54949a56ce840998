import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CacheSource, CacheTarget } from '../../src/cache/backends.ts';
import { type Built, TestBuilds } from '../support/build.ts';
import { FakeRegistry } from '../support/registry.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const text = (inner = '', outer = '') => `FROM base AS build
WORKDIR /src
COPY a ./
RUN cat a >all && echo inner ran${inner}
FROM base
COPY --from=build /src/all /app/
RUN cp /app/all /app/copy && echo outer ran
COPY b /app/
${outer}`;

const PLACES = ['registry', 'local', 'inline'] as const;
const why = whyNoSandbox();

describe.skipIf(why)('a machine with an empty store', () => {
  let registry: FakeRegistry;
  let one: TestBuilds;
  const first = {} as Record<string, Built>;
  const key = (place: string, mode: string) => `${place}-${mode}`;

  const tag = (mode: string) => `${registry.host}/app:inline-${mode}`;
  const source = (place: (typeof PLACES)[number], mode: 'min' | 'max'): CacheSource =>
    place === 'local'
      ? { type: 'local', path: join(one.folder, `cache-${mode}`) }
      : { type: 'registry', ref: place === 'inline' ? tag(mode) : `${registry.host}/app:cache-${mode}` };

  beforeAll(async () => {
    registry = await FakeRegistry.start();
    one = await TestBuilds.create({}, { network: 'host' });
    one.write({ a: 'a\n', b: 'b\n' });
    for (const place of PLACES) {
      for (const mode of ['min', 'max'] as const) {
        const to: CacheTarget = place === 'inline' ? { type: 'inline' } : { ...source(place, mode), mode };
        const pushed =
          place === 'inline' ? { tags: [tag(mode)], outputs: [{ type: 'image' as const, push: true }] } : {};
        first[key(place, mode)] = await one.build(text(), { cacheTo: [to], ...pushed });
      }
    }
  });
  afterAll(async () => {
    await registry?.close();
    one?.remove();
  });

  /**
   * What a machine that has nothing but the base fetches for a build: layers of the first machine's image, its other
   * layers, and small documents (lists of steps and indexes of layers).
   */
  async function fetched(
    place: (typeof PLACES)[number],
    mode: 'min' | 'max',
    change: {
      inner?: string;
      outer?: string;
      files?: Record<string, string>;
    },
  ) {
    const two = await TestBuilds.create({}, { network: 'host' });
    try {
      two.write({ a: 'a\n', b: 'b\n', ...change.files });
      const before = new Set(readdirSync(two.store.layout.blobs));
      const from = registry.lines.length;
      const built = await two.build(text(change.inner, change.outer), { cacheFrom: [source(place, mode)] });
      const warnings = built.events.filter(({ type }) => type === 'warning');
      expect(warnings).toEqual([]);
      const gets = registry.lines.slice(from).filter((line) => /^GET .*\/blobs\//.test(line));
      const digests =
        place === 'local'
          ? // What comes from a folder is in the store then, beside what this build has made.
            readdirSync(two.store.layout.blobs).filter((name) => !before.has(name))
          : gets.map((line) => line.slice(-64));
      const known = first[key(place, mode)]!;
      const image = new Set(known.blobs.map((digest) => digest.slice(7)));
      const layers = new Set(
        one.store.layers.ids().flatMap((id) => one.store.layers.blob(id)?.blob.digest.slice(7) ?? []),
      );
      expect(digests).toHaveLength(new Set(digests).size);
      return {
        built,
        imageLayers: digests.filter((digest) => image.has(digest)).length,
        otherLayers: digests.filter((digest) => layers.has(digest) && !image.has(digest)).length,
        documents: gets.filter((line) => !layers.has(line.slice(-64))).length,
      };
    } finally {
      two.remove();
    }
  }

  /** Counts of layers of the image, other layers, documents: the list of steps is always one. */
  const cases: [string, (typeof PLACES)[number], 'min' | 'max', [number, number, number]][] = [];
  const expectAll = (change: string, counts: Record<string, [number, number, number]>) => {
    for (const place of PLACES) {
      for (const mode of ['min', 'max'] as const) {
        cases.push([change, place, mode, counts[`${place} ${mode}`] ?? counts[place]!]);
      }
    }
  };
  // The layers of an image from a registry stay there; those of a folder, which may vanish, come along.
  expectAll('nothing', { registry: [0, 0, 1], local: [3, 0, 0], inline: [0, 0, 1] });
  // A COPY has to know what is there before it. An inline cache has no indexes, so the layers say it.
  expectAll('a copied file', { registry: [0, 0, 3], local: [2, 0, 0], inline: [2, 0, 1] });
  // A RUN stands on all layers below it, and on none of other stages.
  expectAll('a command at the end', { registry: [3, 0, 1], local: [3, 0, 0], inline: [3, 0, 1] });
  // The other stage has to run. With mode=min nothing of it is known; what it makes is the same again.
  expectAll('the command of the other stage', {
    'registry min': [0, 0, 3],
    'registry max': [0, 2, 3],
    'local min': [3, 0, 0],
    'local max': [3, 2, 0],
    inline: [2, 0, 1],
  });

  const changes: Record<string, Parameters<typeof fetched>[2] & { output: string }> = {
    nothing: { output: '' },
    'a copied file': { files: { b: 'other\n' }, output: '' },
    'a command at the end': { outer: 'RUN cat /app/copy /app/b\n', output: 'a\nb\n' },
    'the command of the other stage': { inner: ' again', output: 'inner ran again\n' },
  };

  it.each(cases)(
    'that differs by %s fetches from type %s, mode=%s: %j',
    async (name, place, mode, counts) => {
      const { output, ...change } = changes[name]!;
      const { built, imageLayers, otherLayers, documents } = await fetched(place, mode, change);
      expect(built.output).toBe(output);
      expect([imageLayers, otherLayers, documents]).toEqual(counts);
      if (name !== 'nothing') return;
      expect(new Set(Object.values(built.outcomes))).toEqual(new Set(['cached']));
      if (place !== 'inline') expect(built.digest).toBe(first[key(place, mode)]!.digest);
    },
  );
});
