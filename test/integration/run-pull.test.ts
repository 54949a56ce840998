import { afterEach, beforeEach, expect, test } from 'vitest';
import { command as run } from '../../src/cli/commands/run.ts';
import { parseReference } from '../../src/image/reference.ts';
import { pushImage } from '../../src/registry/push.ts';
import { Registries } from '../../src/registry/registries.ts';
import { makeImage, makeLayer, makeStore, runCommand, type TestStore } from '../support/images.ts';
import { FakeRegistry } from '../support/registry.ts';

let here: TestStore;
let registry: FakeRegistry;
let name: string;

/** The image has no command, so that every run ends as soon as the image is there. */
beforeEach(async () => {
  here = makeStore();
  registry = await FakeRegistry.start();
  name = `${registry.host}/team/app:1`;
  const other = makeStore();
  const { manifest } = await makeImage(other.store, { name, layers: [makeLayer(other.store, { a: 'a' })] });
  const registries = new Registries({ env: {} });
  await pushImage(other.store, registries, parseReference(name), manifest);
  registries.close();
  other.remove();
  registry.seen.length = 0;
});
afterEach(async () => {
  await registry.close();
  here.remove();
});

const has = () => here.store.images.get(name) !== undefined;
const start = (...args: string[]) => runCommand(run, args, { home: here.home });

test('run pulls an image that is not here, with its layers, once', async () => {
  const { error, stderr } = await start(name);
  expect(error?.message).toMatch(/command/);
  expect(stderr).toContain(`${name} is not in the store: pulling it`);
  expect(stderr).toMatch(/downloaded/);
  expect(has()).toBe(true);
  registry.seen.length = 0;
  await start(name);
  expect(registry.seen).toEqual([]);
});

test('run --pull always asks the registry, never does not', async () => {
  expect((await start('--pull', 'never', name)).error).toMatchObject({
    code: 'IMAGE_UNKNOWN',
    exitCode: 125,
  });
  expect(registry.seen).toEqual([]);
  await start('--pull', 'always', name);
  expect(has()).toBe(true);
  registry.seen.length = 0;
  await start('--pull', 'always', name);
  expect(registry.seen.map(({ method }) => method)).toContain('HEAD');
});

test('an image that cannot be pulled is an error that says both', async () => {
  const { error } = await start(`${registry.host}/team/other`);
  expect(error).toMatchObject({ code: 'IMAGE_UNKNOWN', exitCode: 125 });
  expect(error?.message).toMatch(
    /there is no image .* in the store, and it cannot be pulled: .*does not exist/,
  );
  expect((await start('--pull', 'maybe', name)).error).toMatchObject({ exitCode: 2 });
  // What can only be an id is not asked for.
  registry.seen.length = 0;
  expect((await start('0123456789ab')).error).toMatchObject({ code: 'IMAGE_UNKNOWN' });
});
