import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BuildEvent } from '../../src/events/event.ts';
import { PlainRenderer } from '../../src/events/plain.ts';
import { parseReference } from '../../src/image/reference.ts';
import { pushImage } from '../../src/registry/push.ts';
import { Registries } from '../../src/registry/registries.ts';
import { TestBuilds } from '../support/build.ts';
import { Screen } from '../support/fake-io.ts';
import { makeImage, makeLayer, makeStore } from '../support/images.ts';
import { FakeRegistry } from '../support/registry.ts';
import { Web } from '../support/web.ts';

describe('progress of downloads', () => {
  let builds: TestBuilds;
  let registry: FakeRegistry;
  let base: string;

  beforeEach(async () => {
    builds = await TestBuilds.create();
    registry = await FakeRegistry.start();
    base = `${registry.host}/team/base:1`;
    const other = makeStore();
    const layers = [
      makeLayer(other.store, { 'etc/one': 'a'.repeat(50_000) }),
      makeLayer(other.store, { two: 'b' }),
    ];
    const { manifest } = await makeImage(other.store, { name: base, layers });
    const registries = new Registries({ env: {} });
    await pushImage(other.store, registries, parseReference(base), manifest);
    registries.close();
    other.remove();
  });
  afterEach(async () => {
    await registry.close();
    builds.remove();
  });

  const of = (events: BuildEvent[], step: string) =>
    events.flatMap((event) => ('step' in event && event.step === step ? [event.type] : []));
  const finished = (events: BuildEvent[], step: string) =>
    events.findLast((event) => event.type === 'step.finished' && event.step === step);
  const moved = (events: BuildEvent[], owner: string) =>
    events.flatMap((event) => (event.type === 'transfer' && event.of === owner ? [event] : []));
  const plain = (events: BuildEvent[]) => {
    const screen = new Screen();
    const renderer = new PlainRenderer(screen, { color: false });
    for (const event of events) renderer.handle(event);
    return screen.text;
  };

  test('is the FROM of an image that is not here, and done before the step that needs it begins', async () => {
    const { events } = await builds.build(`FROM ${base}\nWORKDIR /etc/made\n`);
    expect(finished(events, 'stage-0/1')).toMatchObject({ outcome: 'done' });
    const order = events.flatMap((event) =>
      event.type === 'step.started' || event.type === 'step.finished' ? [`${event.type} ${event.step}`] : [],
    );
    expect(order).toEqual([
      'step.started stage-0/1',
      'step.finished stage-0/1',
      'step.started stage-0/2',
      'step.finished stage-0/2',
    ]);
    const states = moved(events, 'stage-0/1').map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(['moving', 'unpacking', 'done']));
    const text = plain(events);
    expect(text).toContain(`#0 resolving ${base}`);
    expect(text).toMatch(/#1 fetched [\d.]+k?B in [\d.]+s/);
    expect(text).toMatch(/#1 DONE/);
    expect(text).toContain('Steps  2: 2 executed');
  });

  test('is nothing where it is here: FROM is cached', async () => {
    await builds.build(`FROM ${base}\nWORKDIR /a\n`);
    const { events } = await builds.build(`FROM ${base}\nWORKDIR /b\n`);
    expect(finished(events, 'stage-0/1')).toMatchObject({ outcome: 'cached' });
    expect(moved(events, 'stage-0/1')).toEqual([]);
    expect(plain(events)).toContain('Steps  2: 1 executed, 1 cached');
  });

  test('is reported when the image is needed, after steps that do not need it', async () => {
    builds.write({ file: 'x' });
    // The config is all that this takes; the push then takes the layers.
    const first = await builds.build(`FROM ${base}\nCOPY --link file /file\n`);
    expect(moved(first.events, 'stage-0/1')).toEqual([]);
    expect(finished(first.events, 'stage-0/1')).toMatchObject({ outcome: 'done' });
    const { events } = await builds.build(`FROM ${base}\nCOPY --link file /file\n`, {
      outputs: [{ type: 'archive', format: 'oci-archive', to: { stream: new Screen() }, names: [] }],
    });
    expect(of(events, 'stage-0/1')).toEqual([
      'step.started',
      'step.finished',
      'step.started',
      'step.finished',
    ]);
    expect(finished(events, 'stage-0/1')).toMatchObject({ outcome: 'done' });
    expect(moved(events, 'image to standard output').at(-1)?.moved).toBeGreaterThan(0);
  });

  test('is reported for an image that is no stage’s base', async () => {
    const { events } = await builds.build(`FROM scratch\nCOPY --from=${base} /two /three\n`);
    expect(finished(events, `image ${base}`)).toMatchObject({ outcome: 'done' });
    expect(moved(events, `image ${base}`).length).toBeGreaterThan(0);
    expect(plain(events)).toContain(`FROM ${base}`);
  });

  test('fails as the FROM, not as the step that needed it', async () => {
    for (const repository of registry.repositories.values()) {
      for (const [digest, blob] of repository.blobs)
        if (!blob.subarray(0, 1).equals(Buffer.from('{'))) repository.blobs.delete(digest);
    }
    const events: BuildEvent[] = [];
    const failure = await builds.failure(`FROM ${base}\n\nWORKDIR /etc/made\n`, {
      onEvent: (event) => events.push(event),
    });
    expect(failure.location).toMatchObject({ line: 1 });
    expect(finished(events, 'stage-0/1')).toMatchObject({ outcome: 'failed' });
    expect(of(events, 'stage-0/2')).toEqual([]);
  });

  test('is told of a push, a cache on its way out and in, and a URL', async () => {
    builds.write({ file: 'x'.repeat(10_000) });
    const web = await Web.start();
    web.pages.set('/data', { body: 'y'.repeat(20_000) });
    const cache = { type: 'registry', ref: `${registry.host}/team/cache:1` } as const;
    const text = `FROM scratch\nCOPY file /file\nADD ${web.url}/data /data\n`;
    const { events } = await builds.build(text, {
      tags: [`${registry.host}/team/app:1`],
      outputs: [{ type: 'image', push: true }],
      cacheTo: [{ ...cache, mode: 'max' }],
    });
    const states = (owner: string) => new Set(moved(events, owner).map(({ state }) => state));
    expect(states(`push of ${registry.host}/team/app:1`)).toContain('done');
    expect(moved(events, `cache to ${cache.ref}`).length).toBeGreaterThan(0);
    expect(moved(events, 'stage-0/2').at(-1)).toMatchObject({
      direction: 'in',
      state: 'done',
      moved: 20_000,
      size: 20_000,
    });

    const elsewhere = await TestBuilds.create();
    elsewhere.write({ file: 'x'.repeat(10_000) });
    const imported = await elsewhere.build(text, { cacheFrom: [cache] });
    expect(moved(imported.events, `cache from ${cache.ref}`).at(-1)).toMatchObject({
      direction: 'in',
      state: 'done',
    });
    expect(plain(imported.events)).toContain(`importing cache from ${cache.ref}`);
    elsewhere.remove();
    await web.close();
  });
});
