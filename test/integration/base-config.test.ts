import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImageConfig, RuntimeConfig } from '../../src/image/types.ts';
import { TestBuilds } from '../support/build.ts';
import { makeImage, makeLayer } from '../support/images.ts';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const FULL = {
  ...{
    User: '1:2',
    ExposedPorts: { '80/tcp': {} },
    Env: ['A=b', 'PATH=/p'],
    Entrypoint: ['/e'],
    Cmd: ['/c'],
  },
  ...{ Volumes: { '/v': {} }, WorkingDir: '/w', Labels: { l: 'm' }, StopSignal: 'SIGINT', Shell: ['/s'] },
  ...{ Healthcheck: { Test: ['CMD', 't'], Interval: 1_000_000_000 }, ArgsEscaped: true },
} satisfies RuntimeConfig;

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create();
});
afterAll(() => builds.remove());

let images = 0;
/** The config of an image that is built on one with this config. */
async function builtOn(config: unknown, more: Record<string, unknown> = {}): Promise<Partial<ImageConfig>> {
  const name = `odd-${images++}`;
  const layers = [makeLayer(builds.store, { f: name })];
  await makeImage(builds.store, { name, layers, config: { config, ...more } as Partial<ImageConfig> });
  const { digest } = await builds.build(`FROM ${name}\nSTOPSIGNAL 9\n`, { isolation: 'none' });
  const manifest = builds.store.blobs.readJson<{ config: { digest: `sha256:${string}` } }>(digest);
  return builds.store.blobs.readJson<ImageConfig>(manifest.config.digest);
}

// All values are those that Docker 28.5 gave.
describe('a base image without settings', () => {
  test.each(Object.keys(FULL) as (keyof typeof FULL)[])('%s: missing or empty is absent', async (member) => {
    const { [member]: value, ...others } = FULL;
    const wanted = { ...others, StopSignal: '9', ...(member === 'Env' ? { Env: [PATH] } : {}) };
    const isList = Array.isArray(value);
    const empty = isList ? [] : typeof value === 'object' ? {} : typeof value === 'string' ? '' : false;
    expect((await builtOn(others)).config).toEqual(wanted);
    expect((await builtOn({ ...FULL, [member]: null })).config).toEqual(wanted);
    // An empty health check is one that an image has.
    const kept = member === 'Healthcheck' ? { Healthcheck: {} } : {};
    expect((await builtOn({ ...FULL, [member]: empty })).config).toEqual({ ...wanted, ...kept });
  });

  test.each([[{}], [null], [undefined]])('nothing but a PATH comes of the config %j', async (config) => {
    expect((await builtOn(config)).config).toEqual({ Env: [PATH], StopSignal: '9' });
  });

  test('settings are kept, and a missing PATH is appended', async () => {
    expect((await builtOn(FULL)).config).toEqual({ ...FULL, StopSignal: '9' });
    expect((await builtOn({ Env: ['A=b'] })).config!.Env).toEqual(['A=b', PATH]);
  });

  test('members of containers are not taken over', async () => {
    const odd = { ...FULL, Hostname: 'h', Tty: true, Memory: 5, Image: 'sha256:x', Foo: 1, OnBuild: null };
    expect((await builtOn(odd)).config).toEqual({ ...FULL, StopSignal: '9' });
  });

  test('empty members of a health check are left out', async () => {
    const check = { Test: ['CMD', 'x'], Timeout: 0, Retries: 0, StartPeriod: 0, StartInterval: 5 };
    const { config } = await builtOn({ Healthcheck: check });
    expect(config!.Healthcheck).toEqual({ Test: ['CMD', 'x'], StartInterval: 5 });
    expect((await builtOn({ Healthcheck: { Test: [] } })).config!.Healthcheck).toEqual({});
  });

  test('of the image itself', async () => {
    const config = await builtOn(
      {},
      { author: '', created: null, 'os.version': '1.2', 'os.features': ['a'] },
    );
    expect(config).toMatchObject({ 'os.version': '1.2', 'os.features': ['a'] });
    expect(config).not.toHaveProperty('author');
    expect((await builtOn({}, { author: 'me' })).author).toBe('me');
    expect(config).not.toHaveProperty('variant');
  });

  test('history: omits empty members, and accepts a missing list', async () => {
    const odd = await builtOn({}, { history: [{ created_by: '', comment: '', empty_layer: false }] });
    expect(odd.history![0]).toEqual({});
    expect((await builtOn({}, { history: null })).history).toHaveLength(2);
  });

  test('history: a layer that it does not tell of is named by the base, not by a folder of the machine', async () => {
    const layers = [makeLayer(builds.store, { f: 'silent' })];
    await makeImage(builds.store, { name: 'silent', layers, config: { history: null } as object });
    const base = builds.store.images.get('docker.io/library/silent:latest')!.manifest.digest;
    const contexts = { base: `oci-layout://${builds.home}@${base}` };
    const { digest } = await builds.build('FROM base\nLABEL a=b\n', { isolation: 'none', contexts });
    const { config } = builds.store.blobs.readJson<{ config: { digest: `sha256:${string}` } }>(digest);
    const { history } = builds.store.blobs.readJson<ImageConfig>(config.digest);
    expect(history!.map(({ created_by }) => created_by)).toEqual([`layer of ${base}`, 'LABEL a=b']);
  });
});
