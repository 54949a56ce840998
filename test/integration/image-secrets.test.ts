import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { command as secrets } from '../../src/cli/commands/secrets.ts';
import { findSecretsIn } from '../../src/index.ts';
import type { SecretsDocument } from '../../src/leaks/secrets-json.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeLayer, runCommand } from '../support/images.ts';
import { lookAlikes } from '../support/look-alikes.ts';
import { type Planted, plantedSecrets } from '../support/planted-secrets.ts';
import { tempDir } from '../support/temp-dir.ts';

const IMAGES = 10;
const home = tempDir();
const ofKind = (kind: string): Planted => plantedSecrets(70, 5).find((one) => one.kind === kind)!;
const github = ofKind('github-token');
const npm = ofKind('npm-token');

/** 500 secrets in 10 images: a third visible, a third deleted by a later layer, a third in a folder that is deleted. */
const planted = plantedSecrets(500).map((one, at) => ({
  ...one,
  image: at % IMAGES,
  fate: at % 3,
  path: `s${at}/${one.path}`,
}));

beforeAll(async () => {
  const store = openStore({ home });
  for (let image = 0; image < IMAGES; image++) {
    const own = planted.filter((one) => one.image === image);
    const files = (list: typeof own) => Object.fromEntries(list.map(({ path, content }) => [path, content]));
    const gone = own
      .filter(({ fate }) => fate > 0)
      .map(({ fate, path }) => {
        const at = fate === 1 ? path.lastIndexOf('/') + 1 : 0;
        return `${path.slice(0, at)}.wh.${fate === 1 ? path.slice(at) : path.slice(0, path.indexOf('/'))}`;
      });
    await makeImage(store, {
      name: `planted${image}`,
      layers: [
        makeLayer(store, files(own.filter((_, at) => at % 2 === 0))),
        makeLayer(store, files(own.filter((_, at) => at % 2 === 1))),
        makeLayer(store, Object.fromEntries(gone.map((path) => [path, '']))),
      ],
    });
  }
  await makeImage(store, {
    name: 'harmless',
    layers: [makeLayer(store, Object.fromEntries(lookAlikes(200)))],
  });
  const key = ofKind('private-key');
  await makeImage(store, {
    name: 'app',
    layers: [
      makeLayer(store, {
        'app/.npmrc': `//npm.acme.io/:_authToken=${npm.value}\n`,
        'app/package.json': '{"name":"app","version":"1.0.0","dependencies":{"tls":"1"}}',
        'app/node_modules/tls/package.json': '{"name":"tls","version":"1.0.0"}',
        'app/node_modules/tls/test/key.pem': key.content,
        'app/\x1b[31mred': `token ${github.value}`,
      }),
      makeLayer(store, { 'app/.wh..npmrc': '' }),
    ],
    config: {
      config: {
        Env: [
          'PATH=/bin',
          'DB_PASSWORD=hunt3r-2x',
          `GH=${github.value}`,
          'GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568',
        ],
        Labels: { note: `use ${github.value}` },
        Cmd: ['node', `--url=https://bob:Zx81kQ2vB9@acme.io`],
      },
      history: [
        { created_by: 'COPY . /app # buildkit' },
        { created_by: `RUN |1 NPM_TOKEN=${npm.value} /bin/sh -c rm /app/.npmrc # buildkit` },
        { created_by: 'ENV DB_PASSWORD=hunt3r-2x', empty_layer: true },
      ],
    },
  });
  store.close();
});

const run = (...args: string[]) => runCommand(secrets, args, { home });

async function document(...args: string[]): Promise<SecretsDocument> {
  const { stdout, error } = await run('--json', ...args);
  expect(error).toBeUndefined();
  return JSON.parse(stdout) as SecretsDocument;
}

describe('500 secrets of 40 kinds and more', () => {
  test('are all found, in all layers, with what became of them', async () => {
    for (let image = 0; image < IMAGES; image++) {
      const { findings } = await document(`planted${image}`);
      const missed = planted.filter((one) => {
        const found = findings.find(({ kind, name }) => kind === one.kind && name === one.path);
        return one.image === image && found?.visible !== (one.fate === 0);
      });
      expect(missed).toEqual([]);
    }
  });

  test('prints and keeps no value', async () => {
    const kept = readdirSync(join(home, 'inspections'))
      .filter((name) => name.endsWith('.secrets.json'))
      .map((name) => readFileSync(join(home, 'inspections', name), 'utf8'));
    expect(kept.length).toBeGreaterThan(IMAGES);
    const printed: string[] = [];
    for (const format of ['table', 'json', 'sarif', 'github'])
      printed.push(
        (await run('--format', format, 'app')).stdout,
        (await run('--format', format, 'planted0')).stdout,
      );
    for (const { value } of [...planted, github, npm]) {
      // Five characters of a value may be in a text by chance, eight are not.
      const part = value.slice(0, 9);
      const isSaid = (text: string) =>
        text.includes(value) || (value.length > 30 && text.includes(value.slice(5, 20)));
      expect([...kept, ...printed].some(isSaid), part).toBe(false);
    }
  });
});

test('200 look-alikes are silent', async () => {
  const { findings, forged, partial, searched } = await document('harmless');
  expect({ findings, forged, partial }).toEqual({ findings: [], forged: [], partial: [] });
  expect(searched.files).toBe(200);
  expect((await run('harmless')).stdout).toContain('no secrets found');
});

describe('an image', () => {
  test('tells what is in files, the config and the history, and who added and deleted it', async () => {
    const { findings, published } = await document('app');
    const facts = findings.map(({ kind, where, name, visible }) => [kind, where, name, visible]);
    expect(facts).toEqual(
      expect.arrayContaining([
        ['npm-token', 'file', 'app/.npmrc', false],
        ['github-token', 'file', 'app/\x1b[31mred', true],
        ['secret-variable', 'variable', 'DB_PASSWORD', true],
        ['github-token', 'variable', 'GH', true],
        ['github-token', 'label', 'note', true],
        ['url-password', 'command', 'Cmd', true],
        ['npm-token', 'argument', 'NPM_TOKEN', true],
      ]),
    );
    expect(facts).toHaveLength(7);
    const deleted = findings.find(({ name }) => name === 'app/.npmrc')!;
    expect(deleted.addedBy).toMatchObject([{ layer: 0, instruction: 'COPY . /app' }]);
    expect(deleted.hiddenBy).toMatchObject({ layer: 1, reason: 'deleted' });
    expect(published).toMatchObject([{ kind: 'private-key', publisher: 'tls', severity: 'low' }]);
  });

  test('is shown at 80 columns without its control characters', async () => {
    const { stdout } = await runCommand(secrets, ['app'], { home, columns: 80 });
    const plain = stdout.replaceAll(/\x1b\[\d+m/g, '');
    expect(plain).toContain('still in layer sha256:');
    expect(plain).not.toContain('\x1b');
    expect(plain.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test.each<[string[], number]>([
    [[], 0],
    [['--fail-on', 'critical'], 1],
    [['--fail-on', 'low'], 1],
  ])('%j: exit code %i', async (flags, code) => {
    expect(await run('app', ...flags)).toMatchObject({ code, error: undefined });
    expect(await run('harmless', ...flags)).toMatchObject({ code: 0, error: undefined });
  });

  test('--ignore leaves out what a rule names until its day, and lists it', async () => {
    const file = join(tempDir(), 'ignore');
    writeFileSync(
      file,
      'github-token app/*red: for tests\nnpm-token until 2001-01-01: too late\nsecret-variable DB_PASSWORD until 2999-01-01: local\n',
    );
    const { findings, ignored } = await document('app', '--ignore', file);
    expect(ignored.map(({ kind, reason, until }) => [kind, reason, until])).toEqual([
      ['github-token', 'for tests', undefined],
      ['secret-variable', 'local', '2999-01-01'],
    ]);
    expect(findings).toHaveLength(5);
    writeFileSync(file, 'github-token\n');
    expect(await run('app', '--ignore', file)).toMatchObject({
      error: { code: 'IGNORE_INVALID', exitCode: 2 },
    });
  });

  test('SARIF and annotations name a rule a kind, and the place', async () => {
    const sarif = JSON.parse((await run('app', '--format', 'sarif')).stdout);
    expect(sarif.runs[0].results).toHaveLength(7);
    expect(sarif.runs[0].tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual([
      'github-token',
      'npm-token',
      'secret-variable',
      'url-password',
    ]);
    const { stdout } = await run('app', '--format', 'github');
    expect(stdout.split('\n').filter((line) => line.startsWith('::error')).length).toBe(7);
  });

  test('is read once: a second look needs no layer', async () => {
    const store = openStore({ home });
    const layer = makeLayer(store, { 'app/x': `token ${github.value}` });
    await makeImage(store, { name: 'once', layers: [layer] });
    store.close();
    const first = await document('once');
    writeFileSync(join(home, 'blobs/sha256', layer.blob.digest.slice(7)), 'gone');
    expect(await document('once')).toEqual(first);
  });

  test("a package's file that a later layer replaces counts as the image's own", async () => {
    const store = openStore({ home });
    const path = 'app/node_modules/tls/key.pem';
    const [first, second] = plantedSecrets(200, 9).filter(({ kind }) => kind === 'private-key');
    await makeImage(store, {
      name: 'replaced',
      layers: [
        makeLayer(store, {
          'app/package.json': '{"name":"app","version":"1.0.0","dependencies":{"tls":"1"}}',
          'app/node_modules/tls/package.json': '{"name":"tls","version":"1.0.0"}',
          [path]: first!.content,
        }),
        makeLayer(store, { [path]: second!.content }),
      ],
    });
    store.close();
    const { findings, published } = await document('replaced');
    const layersOf = (list: typeof findings) => list.map(({ name, addedBy }) => [name, addedBy[0]!.layer]);
    expect(layersOf(findings)).toEqual([[path, 1]]);
    expect(layersOf(published)).toEqual([[path, 0]]);
  });

  test('layers whose facts are known are read for secrets only', async () => {
    const store = openStore({ home });
    const layer = makeLayer(store, { 'app/y': `token ${npm.value}` });
    await makeImage(store, { name: 'known', layers: [layer] });
    store.close();
    const path = (kind: string) => join(home, 'inspections', `${layer.diffId.slice(7)}.${kind}`);
    const first = await document('known');
    const { ino } = statSync(path('index'));
    rmSync(path('secrets.json'));
    expect(await document('known')).toEqual(first);
    expect(statSync(path('index')).ino).toBe(ino);
    expect(existsSync(path('secrets.json'))).toBe(true);
  });

  test('ignores a damaged or foreign record', async () => {
    const folder = join(home, 'inspections');
    const before = await document('planted1');
    for (const name of readdirSync(folder)) {
      if (name.endsWith('.secrets.json')) writeFileSync(join(folder, name), '{"version":"1"}');
    }
    expect(await document('planted1')).toEqual(before);
  });

  test('the library finds the same', async () => {
    expect(await findSecretsIn('app', { home })).toEqual(await document('app'));
  });
});
