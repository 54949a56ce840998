import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Command } from '../../../src/cli/command.ts';
import { command as builder } from '../../../src/cli/commands/builder.ts';
import { command as history } from '../../../src/cli/commands/history.ts';
import { command as images } from '../../../src/cli/commands/images.ts';
import { command as inspect } from '../../../src/cli/commands/inspect.ts';
import { command as prune } from '../../../src/cli/commands/prune.ts';
import { command as rmi } from '../../../src/cli/commands/rmi.ts';
import { command as tag } from '../../../src/cli/commands/tag.ts';
import { digestOf } from '../../../src/image/digest.ts';
import { layerId } from '../../../src/store/layers.ts';
import {
  CREATED,
  makeImage,
  makeLayer,
  makeStore,
  runCommand,
  type TestStore,
} from '../../support/images.ts';

let test: TestStore;
beforeEach(() => {
  test = makeStore();
});
afterEach(() => test.remove());

const run = (command: Command, args: string[], options: { columns?: number; typed?: string } = {}) =>
  runCommand(command, args, { home: test.home, ...options });

/** An image with one indexed layer of 5 bytes and one whose blob alone is known. */
async function app(name = 'app:1') {
  const layers = [makeLayer(test.store, { hello: 'hello' }, true), makeLayer(test.store, { other: 'x' })];
  const history = [
    { created: CREATED, created_by: 'COPY a / # buildkit', comment: 'buildkit.dockerfile.v0' },
    { created: CREATED, created_by: 'ENV A=b', empty_layer: true },
    { created: CREATED, created_by: `RUN /bin/sh -c ${'true && '.repeat(20)}\u001b[31mtrue`, comment: 'c' },
  ];
  return {
    ...(await makeImage(test.store, { name, layers, config: { history, config: { Env: ['A=b'] } } })),
    layers,
  };
}

describe('images', () => {
  it('prints the same as docker images', async () => {
    const { config } = await app();
    await makeImage(test.store, { config: { created: '2020-01-01T00:00:00Z' } });
    const { stdout } = await run(images, []);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^REPOSITORY {3}TAG {6}IMAGE ID {7}CREATED +SIZE$/);
    expect(lines[1]).toMatch(/^app {10}1 {8}[0-9a-f]{12} {3}\d+ (months|years) ago {3}170B$/);
    expect(lines[1]).toContain(config.digest.slice(7, 19));
    expect(lines[2]).toMatch(/^<none> {7}<none> {3}[0-9a-f]{12}/);
  });

  it('gives ids, objects, templates and digests', async () => {
    const { config, manifest, layers } = await app();
    test.store.images.put('docker.io/library/app:2', manifest);
    expect((await run(images, ['-q'])).stdout).toBe(`${config.digest.slice(7, 19)}\n`);
    expect((await run(images, ['-q', '--no-trunc'])).stdout).toBe(`${config.digest}\n`);
    expect(JSON.parse((await run(images, ['--json'])).stdout)).toEqual([
      {
        id: config.digest,
        digest: manifest.digest,
        names: ['app:1', 'app:2'],
        created: CREATED,
        platform: 'linux/amd64',
        size: layers.reduce((sum, { blob }) => sum + blob.size, 0),
        compressedSize: layers.reduce((sum, { blob }) => sum + blob.size, 0),
        unpackedSize: null,
        layers: 2,
      },
    ]);
    expect((await run(images, ['--format', '{{.Repository}}:{{.Tag}}'])).stdout).toBe('app:1\napp:2\n');
    expect((await run(images, ['--format', 'table {{.Tag}}\\t{{.ID}}'])).stdout).toMatch(
      /^TAG {3}IMAGE ID\n1 {5}[0-9a-f]{12}\n/,
    );
    const [line] = (await run(images, ['--format', 'json'])).stdout.split('\n');
    expect(JSON.parse(line!)).toMatchObject({ Repository: 'app', Tag: '1', Size: '170B' });
    expect((await run(images, ['--digests'])).stdout).toContain(manifest.digest);
  });

  it('filters by name', async () => {
    await app('app:1');
    await makeImage(test.store, { name: 'localhost:5000/team/other:2' });
    const names = async (...args: string[]) =>
      (await run(images, ['--format', '{{.Repository}}:{{.Tag}}', ...args])).stdout
        .split('\n')
        .filter(Boolean);
    expect(await names('app')).toEqual(['app:1']);
    expect(await names('app:2')).toEqual([]);
    expect(await names('app:*')).toEqual(['app:1']);
    expect(await names('docker.io/library/app')).toEqual(['app:1']);
    expect(await names('localhost:5000/team/other')).toEqual(['localhost:5000/team/other:2']);
    expect(await names('localhost:5000/*/other:2')).toEqual(['localhost:5000/team/other:2']);
  });

  it('filters as docker does', async () => {
    await app('app:1');
    const { manifest } = await makeImage(test.store, {
      name: 'old:1',
      config: { created: '2020-01-01T00:00:00Z', config: { Labels: { 'a.b': 'x y', c: '' } } },
    });
    test.store.images.put('docker.io/library/old:2', manifest);
    await makeImage(test.store, { config: { created: '2022-01-01T00:00:00Z', author: 'nameless' } });
    const names = async (...filters: string[]) => {
      const flags = filters.flatMap((filter) => ['--filter', filter]);
      const { stdout, error } = await run(images, ['--format', '{{.Repository}}:{{.Tag}}', ...flags]);
      expect(error).toBeUndefined();
      return stdout.split('\n').filter(Boolean);
    };
    expect(await names('dangling=true')).toEqual(['<none>:<none>']);
    expect(await names('dangling=false', 'reference=old*')).toEqual(['old:1', 'old:2']);
    expect(await names('reference=app', 'reference=old:2')).toEqual(['app:1', 'old:2']);
    expect(await names('label=a.b')).toEqual(['old:1', 'old:2']);
    expect(await names('label=a.b=x y', 'label=c')).toEqual(['old:1', 'old:2']);
    expect(await names('label=a.b=other')).toEqual([]);
    expect(await names('before=app:1')).toEqual(['<none>:<none>', 'old:1', 'old:2']);
    expect(await names('since=old:1', 'before=app:1')).toEqual(['<none>:<none>']);
    for (const wrong of ['nope=1', 'dangling=maybe', 'label', 'reference=']) {
      expect((await run(images, ['--filter', wrong])).error).toMatchObject({ code: 'USAGE' });
    }
    expect((await run(images, ['--filter', 'before=nothing'])).error).toMatchObject({
      code: 'IMAGE_UNKNOWN',
    });
  });

  it('rejects an invalid format, also for an empty list', async () => {
    const { code, error, stdout } = await run(images, ['--format', 'table {{.Repo}}']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(error).toMatchObject({ code: 'FORMAT_FAILED', message: '--format: unknown field .Repo' });
    expect((await run(images, ['--format', 'table {{.Digest}}\\t{{.CreatedAt}}'])).stdout).toBe(
      'DIGEST   CREATED AT\n',
    );
    expect((await run(images, ['--json', '--format', 'json'])).error).toMatchObject({ code: 'USAGE' });
    expect((await run(images, ['--json'])).stdout).toBe('[]\n');
  });

  it('fits the terminal', async () => {
    await makeImage(test.store, { name: `registry.example.com/${'long/'.repeat(10)}name:tag` });
    const { stdout } = await run(images, [], { columns: 80 });
    for (const line of stdout.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('shows the others when one is damaged, which can still be removed', async () => {
    const { manifest } = await app('broken');
    await makeImage(test.store, { name: 'good' });
    rmSync(test.store.blobs.path(manifest.digest));
    const { stdout, stderr } = await run(images, ['--format', '{{.Repository}}']);
    expect(stdout).toBe('good\n');
    expect(stderr).toContain('broken:latest is damaged');
    expect((await run(rmi, ['broken'])).code).toBe(0);
    expect((await run(images, [])).stderr).toBe('');
  });
});

describe('history', () => {
  it('prints the same as docker history, newest first', async () => {
    const { config } = await app();
    const { stdout } = await run(history, ['app:1']);
    const [head, run1, env, copy] = stdout.split('\n');
    expect(head).toMatch(/^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/);
    expect(run1).toMatch(
      new RegExp(`^${config.digest.slice(7, 19)} .* RUN /bin/sh -c true.*… +\\(8\\dB\\) +c$`),
    );
    expect(env).toMatch(/^<missing> .* ENV A=b +0B$/);
    expect(copy).toMatch(/^<missing> .* COPY a \/ # buildkit +5B +buildkit\.dockerfile\.v0$/);
  });

  it('gives everything as JSON, and whole texts without control characters', async () => {
    const { layers } = await app();
    const all = JSON.parse((await run(history, ['--json', 'app:1'])).stdout);
    expect(all).toHaveLength(3);
    expect(all[2]).toEqual({
      created: CREATED,
      createdBy: 'COPY a / # buildkit',
      comment: 'buildkit.dockerfile.v0',
      emptyLayer: false,
      size: 5,
      compressedSize: layers[0]!.blob.size,
      diffId: layers[0]!.diffId,
    });
    expect(all[1]).toMatchObject({ emptyLayer: true, size: 0 });
    const { stdout } = await run(history, ['--no-trunc', 'app:1']);
    expect(stdout).toContain(`${'true && '.repeat(20)}true`);
    expect(stdout).not.toContain('\u001b');
    expect((await run(history, ['-q', 'app:1'])).stdout).toMatch(/^[0-9a-f]{12}\n<missing>\n<missing>\n$/);
  });
});

describe('sizes', () => {
  it('are the same before and after something has looked into the layers', async () => {
    const shown = async () => {
      const list = JSON.parse((await run(images, ['--json'])).stdout)[0];
      const one = JSON.parse((await run(inspect, ['app'])).stdout)[0];
      return {
        table: (await run(images, ['--format', '{{.Size}} {{.CompressedSize}}'])).stdout,
        sizes: [list.size, list.compressedSize, one.Size, one.CompressedSize],
        unpacked: [list.unpackedSize, one.UnpackedSize],
      };
    };
    const files = { hello: 'hello', more: 'x'.repeat(3000) };
    await makeImage(test.store, { name: 'app', layers: [makeLayer(test.store, files)] });
    const before = await shown();
    expect(before.unpacked).toEqual([null, null]);
    makeLayer(test.store, files, true);
    expect(await shown()).toEqual({ ...before, unpacked: [3005, 3005] });
  });
});

describe('inspect', () => {
  it("has docker's members", async () => {
    const { config, manifest, layers } = await app();
    test.store.images.put('localhost:5000/app:x', manifest);
    const { stdout } = await run(inspect, ['app:1']);
    expect(JSON.parse(stdout)).toEqual([
      {
        Id: config.digest,
        RepoTags: ['app:1', 'localhost:5000/app:x'],
        RepoDigests: [`app@${manifest.digest}`, `localhost:5000/app@${manifest.digest}`],
        Comment: 'c',
        Created: CREATED,
        Author: '',
        Architecture: 'amd64',
        Os: 'linux',
        Size: layers.reduce((sum, { blob }) => sum + blob.size, 0),
        CompressedSize: layers.reduce((sum, { blob }) => sum + blob.size, 0),
        UnpackedSize: null,
        RootFS: { Type: 'layers', Layers: layers.map(({ diffId }) => diffId) },
        Metadata: { LastTagTime: expect.any(String) },
        Descriptor: manifest,
        Config: {
          Cmd: null,
          Entrypoint: null,
          Env: ['A=b'],
          Labels: null,
          OnBuild: null,
          User: '',
          Volumes: null,
          WorkingDir: '',
        },
      },
    ]);
  });

  it('takes ids, beginnings of ids, digests and templates', async () => {
    const { config, manifest } = await app();
    const id = async (text: string) => (await run(inspect, ['-f', '{{.Id}}', text])).stdout;
    for (const text of [config.digest, config.digest.slice(7), config.digest.slice(0, 20), manifest.digest]) {
      expect(await id(text)).toBe(`${config.digest}\n`);
    }
    expect(await id(config.digest.slice(7, 13))).toBe(`${config.digest}\n`);
    expect(await id(`app@${manifest.digest}`)).toBe(`${config.digest}\n`);
    expect((await run(inspect, ['-f', 'json', 'app:1'])).stdout).toMatch(/^\[\{"Id":.*\]\n$/);
  });

  it.each([
    ['{{.Id}}', 'sha256:[0-9a-f]{64}'],
    ['{{json .Config.Env}}', '\\["A=b"\\]'],
    ['{{.Config.Env}}', '\\[A=b\\]'],
    ['{{range .Config.Env}}{{println .}}{{end}}', 'A=b\n'],
    ['{{index .RepoTags 0}}', 'app:1'],
    ['{{index .Config.Labels "a.b"}}', 'c d'],
    ['{{index .Config.Labels "none"}}', ''],
    ['{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}{{end}}', 'a.b=c d'],
    ['{{len .RootFS.Layers}}', '1'],
    ['{{.UnpackedSize}}', '5'],
    ['{{if .Config.User}}{{.Config.User}}{{else}}root{{end}}', 'root'],
    ['{{join .RepoTags ","}}', 'app:1'],
    ['{{.Os}}/{{upper .Architecture}}', 'linux/AMD64'],
    ['{{printf "%s" .Created}}', CREATED],
    ['{{.Config.Cmd}} {{.Config.Entrypoint}} {{.Config.Volumes}}', '\\[\\] \\[\\] map\\[\\]'],
    ['{{.Config.ExposedPorts}} {{.Config.Healthcheck}}{{.Config.StopSignal}}', 'map\\[\\] <nil>'],
    ['{{json .Config.Cmd}} {{json .Config.Healthcheck}}', 'null null'],
  ])('answers %s as docker does', async (format, expected) => {
    await makeImage(test.store, {
      name: 'app:1',
      layers: [makeLayer(test.store, { hello: 'hello' }, true)],
      config: { config: { Env: ['A=b'], Labels: { 'a.b': 'c d' } } },
    });
    const { stdout, error } = await run(inspect, ['-f', format, 'app:1']);
    expect(error).toBeUndefined();
    expect(stdout).toMatch(new RegExp(`^${expected}\n$`));
  });

  it('prints everything with --json, and rejects an unknown field', async () => {
    await app();
    expect((await run(inspect, ['--json', 'app:1'])).stdout).toBe((await run(inspect, ['app:1'])).stdout);
    expect((await run(inspect, ['-f', '{{.Confg}}', 'app:1'])).error).toMatchObject({
      code: 'FORMAT_FAILED',
      hint: 'Did you mean .Config?',
    });
    expect((await run(inspect, ['--type', 'container', 'app:1'])).error).toMatchObject({
      code: 'CONTAINER_UNKNOWN',
    });
    expect((await run(inspect, ['--type', 'volume', 'app:1'])).error).toMatchObject({ code: 'USAGE' });
  });

  it('shows the known names, then fails for the unknown ones', async () => {
    await app();
    const { stdout, code, error } = await run(inspect, ['nothing', 'app:1', 'App']);
    expect(JSON.parse(stdout)).toHaveLength(1);
    expect(code).toBe(1);
    expect(error).toMatchObject({
      code: 'IMAGE_UNKNOWN',
      message: 'there is no image "nothing" in the store',
    });
    expect((await run(inspect, ['app:2'])).error).toMatchObject({ hint: 'There is app:1.' });
  });

  it('refuses a beginning that several ids have', async () => {
    const ids = new Set<string>();
    for (let n = 0; ids.size === n; n++) {
      const { config } = await makeImage(test.store, { name: `n${n}`, config: { author: `${n}` } });
      ids.add(config.digest.slice(7, 8));
    }
    const twice = (await run(images, ['-q'])).stdout.split('\n').map((id) => id[0]);
    const prefix = twice.find((first, index) => first !== undefined && twice.indexOf(first) !== index)!;
    expect((await run(inspect, [prefix])).error).toMatchObject({ code: 'IMAGE_AMBIGUOUS' });
  });
});

describe('tag and rmi', () => {
  it('give and take names', async () => {
    const { config } = await app();
    expect((await run(tag, ['app:1', 'r.example/app'])).code).toBe(0);
    expect((await run(rmi, [config.digest.slice(7, 19)])).error).toMatchObject({ code: 'IMAGE_IN_USE' });
    expect((await run(rmi, ['app:1'])).stdout).toBe('Untagged: app:1\n');
    const { stdout } = await run(rmi, ['r.example/app']);
    expect(stdout).toBe(`Untagged: r.example/app:latest\nDeleted: ${config.digest}\n`);
    expect((await run(rmi, ['app:1'])).error).toMatchObject({ code: 'IMAGE_UNKNOWN' });
    expect((await run(rmi, ['-f', 'app:1'])).code).toBe(0);
  });

  it('take all names of an id when forced, and go on after a failure', async () => {
    const { config } = await app();
    await run(tag, ['app:1', 'app:2']);
    const { code, stdout } = await run(rmi, ['-f', 'x y', config.digest]);
    expect(code).toBe(1);
    expect(stdout).toBe(`Untagged: app:1\nUntagged: app:2\nDeleted: ${config.digest}\n`);
    expect(test.store.images.list()).toEqual([]);
  });

  it('report as JSON', async () => {
    const { config } = await app();
    const { stdout, code } = await run(rmi, ['--json', 'app:1', 'nothing']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual([{ untagged: 'app:1' }, { deleted: config.digest }]);
  });

  it('move a name from one image to another', async () => {
    await app();
    const { config } = await makeImage(test.store, { name: 'other' });
    await run(tag, ['other', 'app:1']);
    expect((await run(inspect, ['-f', '{{.Id}}', 'app:1'])).stdout).toBe(`${config.digest}\n`);
  });

  it('are strict about their arguments', async () => {
    expect((await run(tag, ['app'])).code).toBe(2);
    expect((await run(rmi, [])).code).toBe(2);
    const { manifest } = await app();
    expect((await run(tag, ['app:1', `x@${manifest.digest}`])).error).toMatchObject({
      code: 'REFERENCE_INVALID',
    });
    expect((await run(tag, ['app:1', 'X'])).error).toMatchObject({ code: 'REFERENCE_INVALID' });
  });
});

/** A step record whose layer no image has. */
function remember(files: Record<string, string>) {
  const { diffId } = makeLayer(test.store, files, true);
  const key = digestOf(diffId);
  const definition = digestOf(`definition of ${diffId}`);
  test.store.records.put({
    definition,
    key,
    layer: layerId(key),
    content: diffId,
    inputs: digestOf([]),
    instruction: {},
    observations: {},
    title: 'COPY',
    created: CREATED,
  });
  return layerId(key);
}

describe('prune', () => {
  it('deletes images without a name, and leaves the rest and the build cache alone', async () => {
    const { manifest } = await app();
    const nameless = await makeImage(test.store, { config: { author: 'x' } });
    const cached = remember({ cached: 'cached' });
    const loose = makeLayer(test.store, { loose: 'loose' });
    const { code, stdout } = await run(prune, ['-f']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Deleted Images:\ndeleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: \d+.*B\n$/,
    );
    expect(test.store.blobs.has(nameless.manifest.digest)).toBe(false);
    expect(test.store.blobs.has(loose.blob.digest)).toBe(false);
    expect(test.store.blobs.has(manifest.digest)).toBe(true);
    expect(test.store.layers.record(cached)).toBeDefined();
  });

  it('with --all leaves nothing', async () => {
    await app();
    remember({ cached: 'cached' });
    expect((await run(prune, ['-af'])).stdout).toContain('untagged: app:1\n');
    expect(test.store.images.list()).toEqual([]);
    expect(test.store.layers.ids()).toEqual([]);
    expect((await run(prune, ['-af'])).stdout).toBe('Total reclaimed space: 0B\n');
  });

  it('keeps newer parts with until=, and reports the rest as JSON', async () => {
    await app();
    const kept = remember({ cached: 'cached' });
    const all = async (...args: string[]) =>
      JSON.parse((await run(prune, ['-af', '--json', ...args])).stdout);
    expect(await all('--filter', 'until=1h')).toMatchObject({ images: [], records: 0, layers: 1 });
    expect(test.store.layers.record(kept)).toBeDefined();
    const { images } = await all('--filter', 'until=0');
    expect(images).toEqual([{ name: 'app:1', digest: expect.stringMatching(/^sha256:/) }]);
    expect(test.store.layers.ids()).toEqual([]);
    expect((await run(prune, ['-f', '--filter', 'label=a'])).error).toMatchObject({ code: 'USAGE' });
  });

  it('asks first, and takes only yes for a yes', async () => {
    await makeImage(test.store);
    expect((await run(prune, [])).error).toMatchObject({ code: 'USAGE' });
    const { stdout, stderr } = await run(prune, [], { typed: 'no' });
    expect(stdout).toBe('');
    expect(stderr).toContain('[y/N]');
    expect(test.store.images.list()).toHaveLength(1);
    await run(prune, [], { typed: 'y' });
    expect(test.store.images.list()).toHaveLength(0);
  });
});

describe('builder prune', () => {
  it('drops the build cache and keeps the blobs of images', async () => {
    const { layers } = await app();
    const cached = remember({ cached: 'cached' });
    const kept = remember({ hello: 'hello' });
    const { code, stdout } = await run(builder, ['prune', '-af']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Deleted 2 step records, 2 layers and 1 blob\nTotal reclaimed space: /);
    expect(test.store.layers.record(cached)).toBeUndefined();
    // A step's layer is cache, even where an image has its blob.
    expect(test.store.layers.record(kept)).toBeUndefined();
    for (const { blob } of layers) expect(test.store.blobs.has(blob.digest)).toBe(true);
  });

  it('keeps recently used parts', async () => {
    const cached = remember({ cached: 'cached' });
    await run(builder, ['prune', '-f']);
    await run(builder, ['prune', '-f', '--filter', 'until=1h']);
    expect(test.store.layers.record(cached)).toBeDefined();
    await run(builder, ['prune', '-f', '--filter', 'until=0']);
    expect(test.store.layers.record(cached)).toBeUndefined();
  });

  it('is strict about its arguments', async () => {
    for (const args of [
      [],
      ['build'],
      ['prune', '-f', '--filter', 'x=1'],
      ['prune', '-f', '--filter', 'until=soon'],
      ['prune', '-af', '--filter', 'until=1h'],
    ]) {
      expect((await run(builder, args)).code).toBe(2);
    }
  });
});

it('an empty store has empty lists', async () => {
  writeFileSync(`${test.home}/unrelated`, '');
  expect((await run(images, [])).stdout).toBe('REPOSITORY   TAG   IMAGE ID   CREATED   SIZE\n');
  expect((await run(images, ['--json'])).stdout).toBe('[]\n');
  expect((await run(images, ['--format', '{{.ID}}'])).stdout).toBe('');
});
