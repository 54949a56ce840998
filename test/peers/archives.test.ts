import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { command as load } from '../../src/cli/commands/load.ts';
import { command as save } from '../../src/cli/commands/save.ts';
import { findImage, type NamedImage } from '../../src/store/lookup.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { makeImage, makeLayer, makeStore, runCommand, type TestStore } from '../support/images.ts';
import { DOCKERS, dockerArguments } from '../support/peers.ts';
import { tempDir } from '../support/temp-dir.ts';

const NAME = `jettison-peer-${process.pid}:1`;
const CANONICAL = `docker.io/library/${NAME}`;

let test: TestStore;
let other: TestStore;
let folder: string;
beforeEach(() => {
  test = makeStore();
  other = makeStore();
  folder = tempDir();
});
afterEach(() => {
  test.remove();
  other.remove();
});

function has(ctx: TestContext, program: string, ...args: string[]): void {
  if (spawnSync(program, args).status !== 0) ctx.skip(`${[program, ...args].join(' ')} does not work here`);
}

function run(program: string, args: string[], input?: Uint8Array): Buffer {
  return execFileSync(program, args, {
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input ? { input } : {}),
  });
}

async function app() {
  const store = test.store;
  const layers = [makeLayer(store, { 'etc/one': '1' }), makeLayer(store, { 'etc/two': 'x'.repeat(99_999) })];
  return makeImage(store, {
    name: NAME,
    layers,
    config: { config: { User: '1000', Env: ['A=b'], Cmd: ['/x'] } },
  });
}

async function saved(format = 'docker-archive'): Promise<Buffer> {
  return (await runCommand(save, ['--format', format, NAME], { home: test.home })).bytes;
}

async function loadedAgain(archive: Uint8Array): Promise<NamedImage> {
  const { error } = await runCommand(load, [], { home: other.home, stdin: archive });
  expect(error).toBeUndefined();
  expect((await verifyStore(other.store)).problems).toEqual([]);
  return findImage(other.store, NAME);
}

describe.each(DOCKERS)('docker %s', (engine) => {
  const docker = dockerArguments(engine);

  it('loads archives of jettison save, and jettison loads its archives', async (ctx) => {
    has(ctx, 'docker', ...docker, 'version');
    const { config } = await app();
    try {
      expect(run('docker', [...docker, 'load'], await saved()).toString()).toContain(`Loaded image: ${NAME}`);
      const [seen] = JSON.parse(run('docker', [...docker, 'image', 'inspect', NAME]).toString());
      const mine = findImage(test.store, NAME);
      expect(seen.RootFS.Layers).toEqual(mine.config.rootfs.diff_ids);
      expect(seen.Config).toMatchObject({ User: '1000', Env: ['A=b'], Cmd: ['/x'] });
      const files = run('docker', [...docker, 'save', NAME]);
      expect((await loadedAgain(files)).id).toBe(config.digest);
    } finally {
      spawnSync('docker', [...docker, 'rmi', '-f', NAME]);
    }
  });
});

describe('skopeo', () => {
  it('reads the store in place', async (ctx) => {
    has(ctx, 'skopeo', '--version');
    await app();
    const seen = JSON.parse(run('skopeo', ['inspect', `oci:${test.home}:${CANONICAL}`]).toString());
    expect(seen.Layers).toEqual(findImage(test.store, NAME).manifest.layers.map(({ digest }) => digest));
    expect(seen.Env).toEqual(['A=b']);
    run('skopeo', ['copy', `oci:${test.home}:${CANONICAL}`, `dir:${folder}/copy`]);
  });

  it.for(['docker-archive', 'oci-archive'])(
    'copies a %s, and jettison loads the copy',
    async (format, ctx) => {
      has(ctx, 'skopeo', '--version');
      await app();
      const mine = findImage(test.store, NAME);
      writeFileSync(join(folder, 'in.tar'), await saved(format));
      const reference = `${folder}/in.tar:${format === 'oci-archive' ? CANONICAL : NAME}`;
      for (const output of ['docker-archive', 'oci-archive']) {
        const out = join(folder, `${output}.tar`);
        run('skopeo', ['copy', `${format}:${reference}`, `${output}:${out}:${CANONICAL}`]);
        // Where skopeo turns Docker's media types into OCI's it writes the config anew.
        const copy = await loadedAgain(readFileSync(out));
        expect(copy.config).toMatchObject({
          rootfs: mine.config.rootfs,
          config: { User: '1000', Env: ['A=b'] },
        });
        if (output === format) expect(copy.id).toBe(mine.id);
      }
    },
  );
});

it('umoci lists and unpacks the store in place', async (ctx) => {
  has(ctx, 'umoci', '--version');
  await app();
  expect(run('umoci', ['ls', '--layout', test.home]).toString()).toContain(CANONICAL);
  run('umoci', ['unpack', '--rootless', '--image', `${test.home}:${CANONICAL}`, join(folder, 'bundle')]);
  expect(readFileSync(join(folder, 'bundle', 'rootfs', 'etc', 'one'), 'utf8')).toBe('1');
});
