import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeImage, diffImages } from '../../src/index.ts';
import { TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

/** What these commands say is about images that a RUN and a COPY --from made. */
const DOCKERFILE = `FROM base AS deps
WORKDIR /deps
COPY package.json .
COPY modules node_modules/
RUN echo built > node_modules/a/built.js

FROM base AS app
WORKDIR /app
COPY --from=deps /deps/node_modules ./node_modules
COPY package.json index.js ./
RUN rm -rf node_modules/d && chmod 755 index.js
USER 1000
`;
const json = (value: object) => JSON.stringify(value, null, 2);
const FILES = {
  'package.json': json({
    name: 'app',
    version: '1.0.0',
    dependencies: { a: '1' },
    devDependencies: { d: '1' },
  }),
  'index.js': 'console.log(1)',
  'modules/a/package.json': json({ name: 'a', version: '1.0.0', dependencies: { b: '1' } }),
  'modules/b/package.json': json({ name: 'b', version: '1.0.0' }),
  'modules/b/b.js': 'b',
  'modules/d/package.json': json({ name: 'd', version: '1.0.0' }),
};

let builds: TestBuilds;
const why = whyNoSandbox();

beforeAll(async () => {
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  builds.write({ ...FILES, Dockerfile: DOCKERFILE });
  await build('app:1');
  builds.write({
    'index.js': 'console.log(22)',
    'modules/b/package.json': json({ name: 'b', version: '2.0.0' }),
  });
  await build('app:2', '--build-arg', 'x=1');
});
afterAll(() => builds?.remove());

const build = async (name: string, ...args: string[]) =>
  expect(await builds.command(['build', '-q', '-t', name, ...args, builds.context])).toMatchObject({
    code: 0,
  });
const run = (...args: string[]) => builds.command(args, { cwd: builds.folder });
const data = async (...args: string[]) => {
  const { code, out, err } = await run(...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as unknown;
};

describe.skipIf(why !== undefined)('why', () => {
  test('follows a file through the stages to the instruction that made it', async () => {
    expect(await data('why', '--json', 'app:1', '/app/node_modules/a/built.js')).toMatchObject([
      {
        ...{ path: 'app/node_modules/a/built.js', isDirectory: false, bytes: 6, files: 1, kind: 'npm' },
        package: { name: 'a', version: '1.0.0' },
        asker: { path: 'app/package.json', line: 5 },
        origins: [
          { kind: 'copy', stage: 'app', location: { line: 9 }, from: { kind: 'stage', name: 'deps' } },
          { kind: 'run', stage: 'deps', location: { line: 5 }, path: 'deps/node_modules/a/built.js' },
        ],
      },
    ]);
  });

  test('names who asks for a package, the nearest first', async () => {
    const { code, out } = await run('why', 'app:1', 'b');
    expect(code).toBe(0);
    expect(out).toMatch(/^\/app\/node_modules\/b\/ /);
    expect(out).toMatch(/asked for by {2}a@1\.0\.0 ← \/app\/package\.json:5\n/);
    expect(out).toMatch(/brought by {4}COPY modules node_modules\/ {2}\(Dockerfile:4, stage deps/);
  });

  test('why marks files that a later layer deletes', async () => {
    const { code, err } = await run('why', 'app:1', '/app/node_modules/d');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^error: \/app\/node_modules\/d is in layer \d+ of app:1, and layer \d+ deletes it\n/,
    );
  });

  test('an unknown name is answered with the nearest one', async () => {
    expect(await run('why', 'app:1', 'aa')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Did you mean'),
    });
  });
});

describe.skipIf(why !== undefined)('diff', () => {
  test('diff lists differences with their instructions', async () => {
    expect(await data('diff', '--json', 'app:1', 'app:2')).toMatchObject({
      version: 1,
      config: [],
      packages: [{ name: 'b', from: '1.0.0', to: '2.0.0' }],
      files: [
        { path: 'app/index.js', change: 'changed', fields: ['content'] },
        { path: 'app/node_modules/b/package.json', change: 'changed', fields: ['content'] },
      ],
      causes: [
        { in: 'to', stage: 'app', location: { line: 11 } },
        { in: 'to', stage: 'app', location: { line: 9 } },
      ],
    });
  });

  test('of an image and itself is empty, and costs nothing to pull', async () => {
    expect(await run('diff', '--exit-code', 'app:1', 'app:1')).toMatchObject({ code: 0 });
    expect(await data('diff', '--json', 'app:1', 'app:1')).toMatchObject({
      ...{ config: [], packages: [], files: [], causes: [], pull: { bytes: 0, layers: 0 } },
      layers: { added: [], removed: [] },
    });
    expect(await run('diff', '--exit-code', '--stat', 'app:1', 'app:2')).toMatchObject({ code: 1 });
  });

  test('attributes deleted files to the deleting instruction', async () => {
    builds.write({ 'app.Dockerfile': `${DOCKERFILE}USER root\nRUN rm node_modules/b/b.js\n` });
    await build('app:3', '-f', join(builds.context, 'app.Dockerfile'));
    const { files, causes } = (await data('diff', '--json', 'app:2', 'app:3')) as {
      files: { path: string; change: string; cause: number }[];
      causes: { text: string }[];
    };
    expect(files).toMatchObject([{ path: 'app/node_modules/b/b.js', change: 'removed' }]);
    expect(causes[files[0]!.cause]).toMatchObject({ text: 'RUN rm node_modules/b/b.js', in: 'to' });
  });
});

test.skipIf(why !== undefined)('instructions that make no layer have their lines, too', async () => {
  builds.write({
    'lines.Dockerfile':
      'FROM base AS first\nENV A=1\nCOPY index.js /a\nLABEL b=c\n\nFROM first\nARG V=3\nCOPY index.js /d\nCMD ["d"]\n',
  });
  await build('lines', '-f', join(builds.context, 'lines.Dockerfile'));
  const { instructions } = await describeImage('lines', { home: builds.home, env: {} });
  const own = instructions.filter(({ location }) => location !== undefined);
  expect(own.map(({ text, stage, location }) => [location!.line, stage, text])).toEqual([
    [2, 'first', 'ENV A=1'],
    [3, 'first', 'COPY index.js /a'],
    [4, 'first', 'LABEL b=c'],
    [7, 'stage-1', 'ARG V=3'],
    [8, 'stage-1', 'COPY index.js /d'],
    [9, 'stage-1', 'CMD ["d"]'],
  ]);
  expect(await run('history', '--format', '{{.Location}} {{.Stage}}', 'lines')).toMatchObject({
    out: expect.stringMatching(/lines\.Dockerfile:9 stage-1\n.*lines\.Dockerfile:8 stage-1\n/),
  });
  expect(await data('history', '--json', 'lines')).toMatchObject([
    { createdBy: 'CMD ["d"]', location: { line: 9 }, stage: 'stage-1' },
    ...Array(instructions.length - 1).fill({}),
  ]);
});

describe.skipIf(why !== undefined)('a Dockerfile given by an absolute path', () => {
  const shown: [string, () => string, string][] = [
    ['in the context: relative to it', () => join(builds.context, 'docker/Dockerfile'), 'docker/Dockerfile'],
    ['elsewhere: its last parts', () => join(builds.folder, 'recipes/Dockerfile'), '…/recipes/Dockerfile'],
  ];

  test.each(shown)('%s', async (_, file, place) => {
    mkdirSync(join(file(), '..'), { recursive: true });
    writeFileSync(file(), 'FROM base\nCOPY index.js /index.js\n');
    await build('placed', '-f', file());
    const why = await run('why', 'placed', '/index.js');
    expect(why.out).toMatch(`(${place}:2, stage stage-0)`);
    const history = await run('history', '--format', '{{.Location}}', 'placed');
    expect(history.out).toMatch(new RegExp(`^${place}:2\n`));
    const diff = await run('diff', '--files', 'app:1', 'placed');
    expect(diff.out).toMatch(`${place}:2, stage stage-0`);
    const explore = await run('explore', 'placed');
    expect(explore.out).toMatch(`${place}:2`);
  });
});

describe.skipIf(why !== undefined)('images with little in them', () => {
  const commands = (image: string) => [
    ['explore', image],
    ['report', '-o', '-', image],
    ['diff', image, image],
    ['diff', '--stat', '--files', image, 'app:1'],
    ['compare', image, image],
    ['compare', '--format', 'markdown', image],
  ];

  test('an image without layers', async () => {
    builds.write({ 'empty.Dockerfile': 'FROM scratch\nLABEL a=b\n' });
    await build('empty', '-f', join(builds.context, 'empty.Dockerfile'));
    for (const args of commands('empty')) expect(await run(...args)).toMatchObject({ code: 0, err: '' });
    expect((await run('explore', 'empty')).out).toContain('LAYERS  none');
    for (const path of ['/', '/x', 'x'])
      expect(await run('why', 'empty', path)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^error: empty:latest has no layers/),
      });
  });

  test('an image of symlinks that lead nowhere, out of it, and in a circle', async () => {
    const folder = join(builds.folder, 'links');
    mkdirSync(folder);
    for (const [name, target] of [
      ['nowhere', 'x'],
      ['out', '../../../..'],
      ['circle', 'circle'],
    ] as const)
      symlinkSync(target, join(folder, name));
    for (const args of commands(`dir:${folder}`))
      expect(await run(...args)).toMatchObject({ code: 0, err: '' });
    for (const path of ['/', '/out', 'circle'])
      expect(await run('why', `dir:${folder}`, path)).toMatchObject({ code: 0, err: '' });
    expect(await run('why', `dir:${folder}`, '/circle/x')).toMatchObject({ code: 1 });
  });

  test('a file that is not an archive is named', async () => {
    writeFileSync(join(builds.folder, 'notes.txt'), 'no archive\n'.repeat(100));
    expect(await run('compare', 'docker-archive:notes.txt')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error: \/.*\/notes\.txt is not an image archive: invalid tar archive/),
    });
  });
});

test.skipIf(why !== undefined)('compare puts figures side by side', async () => {
  const all = (await data('compare', '--json', 'base', 'app:1')) as Record<string, unknown>[];
  expect(all).toMatchObject([
    { image: 'base:latest', user: 'root', waste: 0, pull: 0 },
    { image: 'app:1', user: '1000', healthcheck: false },
  ]);
  const { out } = await run('compare', '--format', 'markdown', 'base', 'app:1');
  expect(out).toMatch(/^\| {2}\| base:latest \| app:1 \|\n\| --- \| ---: \| ---: \|\n\| Size \| /);
});

test.skipIf(why !== undefined)('the library says the same as data, which the schema describes', async () => {
  const url = new URL('../../schemas/image.schema.json', import.meta.url);
  const valid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(url, 'utf8')),
  );
  const options = { home: builds.home, env: {} };
  const described = await describeImage('app:1', { ...options, files: true });
  expect([valid(JSON.parse(JSON.stringify(described))), valid.errors]).toEqual([true, null]);
  const sum = (of: { bytes: number }[]) => of.reduce((all, { bytes }) => all + bytes, 0);
  expect(described.size.shipped).toBe(described.size.tree + described.size.waste);
  expect(sum(Object.values(described.kinds))).toBe(described.size.tree);
  expect(sum(described.files!)).toBe(described.size.tree);
  expect(sum(described.waste)).toBe(described.size.waste);
  expect(sum(described.layers)).toBe(described.size.shipped);
  expect(await diffImages('app:1', 'app:2', options)).toEqual(await data('diff', '--json', 'app:1', 'app:2'));
});

describe.skipIf(why !== undefined)('budget', () => {
  const judge = async (budget: unknown, ...args: string[]) => {
    writeFileSync(join(builds.folder, 'jettison.json'), json({ budget }));
    try {
      return await run('budget', ...args, 'app:1');
    } finally {
      rmSync(join(builds.folder, 'jettison.json'));
    }
  };

  test.each([
    [
      {
        size: '1GB',
        packed: 1e9,
        layers: 20,
        files: 10_000,
        waste: '50%',
        nonRoot: true,
        noDevPackages: true,
      },
      [],
    ],
    [{ size: '1kB' }, ['size']],
    [{ layers: 1, files: 1 }, ['layers', 'files']],
    [{ waste: 0 }, ['waste']],
    [{ forbidPaths: ['**/b.js'], forbidPackages: ['npm:b'] }, ['forbidPaths', 'forbidPackages']],
    [{ healthcheck: true, noShell: true }, ['healthcheck', 'noShell']],
    [{ growth: { against: 'base', size: 1 } }, ['growth']],
    [{ growth: { against: 'app:2', size: '1%' } }, []],
  ])('%j is broken by %j', async (budget, broken) => {
    const { code, out } = await judge(budget, '--json');
    const { verdicts } = JSON.parse(out) as { verdicts: { rule: string; ok: boolean }[] };
    expect(verdicts.filter(({ ok }) => !ok).map(({ rule }) => rule)).toEqual(broken);
    expect(code).toBe(broken.length > 0 ? 1 : 0);
  });

  test.each([
    [{ sise: 1 }, /unknown rule "sise"\nhint: Did you mean "size"\?/],
    [{ size: '1 apple' }, /invalid size "1 apple"/],
    [{ layers: 'x' }, /layers: invalid number "x"/],
    [[], /the budget is not an object/],
    [{ forbidPaths: ['['] }, /invalid pattern "\["/],
  ])('%j is no budget', async (budget, message) => {
    expect(await judge(budget)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });

  test('is kept by a build, or fails it', async () => {
    const folder = join(builds.folder, 'budgeted');
    mkdirSync(folder);
    const build = (...args: string[]) =>
      builds.command(['build', '-q', '--budget', '-t', 'judged', ...args, builds.context], { cwd: folder });
    expect(await build()).toMatchObject({ code: 2, err: expect.stringContaining('there is no budget in') });
    writeFileSync(join(folder, 'package.json'), json({ jettison: { budget: { size: '1GB' } } }));
    expect(await build()).toMatchObject({
      code: 0,
      err: expect.stringContaining('judged:latest is within its budget'),
    });
    writeFileSync(join(folder, 'package.json'), json({ jettison: { budget: { size: '1kB', layers: 99 } } }));
    expect(await build()).toMatchObject({
      code: 1,
      err: expect.stringContaining('error: judged:latest is over the budget in package.json: size\n'),
    });
    expect(await build('-o', 'files')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--budget needs an image'),
    });
  });

  test('of .dive-ci is understood, and none is an error', async () => {
    expect(await run('budget', 'app:1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no budget in'),
    });
    const folder = join(builds.folder, 'dive');
    mkdirSync(folder);
    writeFileSync(
      join(folder, '.dive-ci'),
      'rules:\n  lowestEfficiency: 0.999999\n  highestWastedBytes: 20MB\n',
    );
    expect(await builds.command(['budget', 'app:1'], { cwd: folder })).toMatchObject({
      code: 1,
      out: expect.stringContaining('✗ waste'),
    });
  });
});
