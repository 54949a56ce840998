import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LintFinding } from '../../../src/advice/advise.ts';
import { lint } from '../../../src/build/lint.ts';
import { makeImage, makeLayer, makeStore } from '../../support/images.ts';
import { LINTED_ON } from '../../support/linted.ts';
import { imageLinted, type LintedLayer, sharedLibrary } from '../../support/linted-image.ts';
import { tempDir } from '../../support/temp-dir.ts';

const BASE: LintedLayer = [
  'COPY rootfs /',
  { 'bin/sh': 'sh', 'usr/local/bin/node': 'node', 'lib64/ld-linux-x86-64.so.2': 'loader' },
];
const MANIFEST = '{ "dependencies": { "a": "1" }, "devDependencies": { "tsc": "1" } }';
const MODULES = {
  'app/package.json': MANIFEST,
  'app/node_modules/a/package.json': '{ "name": "a", "version": "1.0.0" }',
  'app/node_modules/tsc/package.json': '{ "name": "tsc", "version": "1.0.0" }',
  'app/node_modules/tsc/index.js': 'x'.repeat(5000),
};
const PRODUCTION = Object.fromEntries(Object.entries(MODULES).filter(([path]) => !path.includes('/tsc/')));
const HEAD = 'FROM base\nWORKDIR /app\nCOPY package.json package-lock.json ./\n';
const COPIED: LintedLayer = ['COPY package.json package-lock.json ./', { 'app/package.json': MANIFEST }];

const large = 'x'.repeat(2_000_000);
const GCC = {
  'lib/apk/db/installed': 'P:gcc\nV:13.2\nF:usr/bin\nR:gcc\n\nP:busybox\nV:1.36\nF:bin\nR:sh\n\n',
  'usr/bin/gcc': large,
};

async function findings(
  rule: string,
  text: string,
  layers: LintedLayer[],
  config = {},
): Promise<LintFinding[]> {
  const found = await imageLinted(text, [BASE, ...layers], { base: 1, config });
  return found.filter(({ code }) => code === rule);
}

/** Lines, bytes and messages of a rule's findings. */
async function summary(...of: Parameters<typeof findings>) {
  return (await findings(...of)).map(({ location, bytes, message }) => [location.line, bytes, message]);
}

describe('advice on an image', () => {
  test('DevDependencies: what the image has counts, not how it was installed', async () => {
    const text = `${HEAD}RUN npm ci\n`;
    expect(await summary('DevDependencies', text, [COPIED, ['RUN npm ci', MODULES]])).toEqual([
      [4, 5037, 'development dependencies are shipped: tsc (2 files, 5.04kB)'],
    ]);
    expect(await summary('DevDependencies', text, [COPIED, ['RUN npm ci', PRODUCTION]])).toEqual([]);
    const split = `FROM base AS build\nRUN npm ci\n${HEAD}COPY --from=build /app ./\n`;
    const copied: LintedLayer[] = [COPIED, ['COPY /app ./', MODULES]];
    expect(await summary('DevDependencies', split, copied)).toEqual([
      [6, 5037, 'development dependencies are shipped: tsc (2 files, 5.04kB)'],
    ]);
  });

  test('CleanupInLaterLayer: says what a deletion does not free', async () => {
    const text = `${HEAD}RUN make\nRUN rm -rf build\n`;
    const made: LintedLayer = ['RUN make', { 'app/build/a.o': large }];
    const removed: LintedLayer = ['RUN rm -rf build', { 'app/.wh.build': '' }];
    expect(await summary('CleanupInLaterLayer', text, [COPIED, made, removed])).toEqual([
      [5, 2_000_000, 'this RUN deletes files that stay in the layers below: 1 file, 2MB'],
    ]);
    const empty: LintedLayer = ['RUN rm -rf build', { 'app/other': '' }];
    expect(await summary('CleanupInLaterLayer', text, [COPIED, ['RUN make', {}], empty])).toEqual([]);
    const other = `FROM base AS build\nRUN make\nRUN rm -rf build\nFROM base\nCOPY --from=build /app /app\n`;
    expect(await summary('CleanupInLaterLayer', other, [['COPY /app /app', { 'app/a': 'a' }]])).toEqual([]);
  });

  test('ChownCopies: counts the second copies', async () => {
    const text = `FROM base\nCOPY . /srv\nRUN chown -R 1000 /srv\n`;
    const files = { 'srv/a.js': 'a'.repeat(1000), 'srv/b.js': 'b'.repeat(1000) };
    const copy: LintedLayer = ['COPY . /srv', files];
    expect(await summary('ChownCopies', text, [copy, ['RUN chown -R 1000 /srv', files]])).toEqual([
      [3, 2000, expect.stringContaining('of line 2 into the image: 2 files, 2kB')],
    ]);
    expect(await summary('ChownCopies', text, [copy, ['RUN chown -R 1000 /srv', {}]])).toEqual([]);
    expect(await summary('ChownCopies', `${text.replace('base', 'base AS a')}FROM base\n`, [])).toEqual([]);
  });

  test('CacheFiles: gives its bytes to the rule that knows the command', async () => {
    const text = 'FROM base\nRUN ./warm-up\n';
    const cache = { 'var/cache/app/a': large };
    const shown = [
      2,
      2_000_000,
      'caches, logs or temporary files are shipped (1 file, 2MB), such as /var/cache/app/a',
    ];
    expect(await summary('CacheFiles', text, [['RUN ./warm-up', cache]])).toEqual([shown]);
    expect(await summary('CacheFiles', text, [['RUN ./warm-up', { 'srv/cache/a': large }]])).toEqual([]);
    const apk = 'FROM base\nRUN apk add jq\n';
    const made: LintedLayer[] = [['RUN apk add jq', { 'var/cache/apk/a': large }]];
    expect(await summary('CacheFiles', apk, made)).toEqual([]);
    expect((await summary('ApkCache', apk, made)).map(([line, bytes]) => [line, bytes])).toEqual([
      [2, 2_000_000],
    ]);
    // A stage that is not shipped may have caches: the image has none.
    expect(await summary('CacheFiles', `${text.replace('base', 'base AS a')}FROM base\n`, [])).toEqual([]);
  });

  test('DevelopmentFiles: looks at the files of the application alone', async () => {
    const text = 'FROM base\nWORKDIR /app\nCOPY . .\n';
    const files = {
      ...PRODUCTION,
      'app/node_modules/a/test/a.test.js': 'a',
      'app/dist/server.js': 'a',
      'app/dist/types.d.ts': 'a',
    };
    expect(await summary('DevelopmentFiles', text, [['COPY . .', files]])).toEqual([]);
    const more = { 'app/dist/server.js.map': 'abc', 'app/src/server.ts': 'ab', 'app/.git/HEAD': 'a' };
    expect(await summary('DevelopmentFiles', text, [['COPY . .', { ...files, ...more }]])).toEqual([
      [3, 1, 'the history of git is shipped (1 file, 1B), such as /app/.git/HEAD'],
      [3, 3, 'source maps are shipped (1 file, 3B), such as /app/dist/server.js.map'],
      [3, 2, 'TypeScript sources are shipped (1 file, 2B), such as /app/src/server.ts'],
    ]);
    const split = 'FROM base AS build\nCOPY . .\nFROM base\nWORKDIR /app\nCOPY --from=build /app/dist dist\n';
    const copied: LintedLayer = ['COPY /app/dist dist', { 'app/dist/server.js': 'a' }];
    expect(await summary('DevelopmentFiles', split, [copied])).toEqual([]);
    // Without anything compiled, the sources are the program.
    const sources: LintedLayer = ['COPY . .', { 'app/src/server.ts': 'ab' }];
    expect(await summary('DevelopmentFiles', text, [sources])).toEqual([]);
  });

  test('a file that a later layer gives another owner counts where it was copied', async () => {
    const text = 'FROM base\nWORKDIR /app\nCOPY . .\nRUN chown -R 1000 .\n';
    const files = { 'app/.git/HEAD': 'a' };
    const layers: LintedLayer[] = [
      ['COPY . .', files],
      ['RUN chown -R 1000 .', files],
    ];
    expect((await findings('DevelopmentFiles', text, layers)).map(({ location }) => location.line)).toEqual([
      3,
    ]);
  });

  test('DuplicatePackages: counts all copies but the largest', async () => {
    const copy = (at: string, version: string, bytes: number) => ({
      [`${at}/big/package.json`]: JSON.stringify({ name: 'big', version }),
      [`${at}/big/index.js`]: version.padEnd(bytes),
    });
    const own = { 'app/package.json': MANIFEST, ...copy('app/node_modules', '2.0.0', 300_000) };
    const nested = copy('app/node_modules/a/node_modules', '1.0.0', 200_000);
    const text = 'FROM base\nWORKDIR /app\nCOPY . .\n';
    expect(
      await summary('DuplicatePackages', text, [['COPY . .', { ...own, ...PRODUCTION, ...nested }]]),
    ).toEqual([
      [3, 200_032, 'npm packages are shipped more than once, 200kB too many: big 1.0.0, 2.0.0 (200kB)'],
    ]);
    expect(await summary('DuplicatePackages', text, [['COPY . .', { ...own, ...PRODUCTION }]])).toEqual([]);
    const other = 'FROM base AS build\nCOPY . .\nFROM base\nCOPY --from=build /app /app\n';
    expect(await summary('DuplicatePackages', other, [['COPY /app /app', own]])).toEqual([]);
  });

  test.each([
    [['libc.musl-x86_64.so.1', 'napi_create_function'], 62, 'needs musl, and the image has glibc'],
    [['libc.so.6', 'napi_create_function'], 21, 'is not for amd64'],
    [['libc.so.6', 'GLIBC_2.34', 'napi_create_function'], 62, undefined],
    [['napi_create_function'], 62, undefined],
  ])('NativeAddons: an addon with %j for machine %i', async (names, machine, fault) => {
    const text = 'FROM base AS build\nRUN npm ci\nFROM base\nCOPY --from=build /app /app\n';
    const addon = { 'app/node_modules/a/a.node': sharedLibrary(names, machine) };
    const found = await summary('NativeAddons', text, [['COPY /app /app', { ...PRODUCTION, ...addon }]]);
    const message = `a does not load in this image: /app/node_modules/a/a.node ${fault}`;
    expect(found).toEqual(fault === undefined ? [] : [[4, undefined, message]]);
  });

  test('NativeAddons: one that fits is enough, and glibc may not be older', async () => {
    const text = 'FROM base\nCOPY app /app\n';
    const musl = sharedLibrary(['libc.musl-x86_64.so.1', 'napi_a']);
    const both = {
      'app/node_modules/@i/a-linuxmusl-x64/package.json':
        '{ "name": "@i/a-linuxmusl-x64", "version": "1.0.0" }',
      'app/node_modules/@i/a-linuxmusl-x64/a.node': musl,
      'app/node_modules/@i/a-linux-x64/package.json': '{ "name": "@i/a-linux-x64", "version": "1.0.0" }',
      'app/node_modules/@i/a-linux-x64/a.node': sharedLibrary(['libc.so.6', 'GLIBC_2.4', 'napi_a']),
    };
    expect(await summary('NativeAddons', text, [['COPY app /app', both]])).toEqual([]);
    const status = 'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.31-13\n';
    const newer = { 'app/a.node': sharedLibrary(['libc.so.6', 'GLIBC_2.4', 'GLIBC_2.34', 'napi_a']) };
    const system = { 'var/lib/dpkg/status': status };
    expect(await summary('NativeAddons', text, [['COPY app /app', { ...newer, ...system }]])).toEqual([
      [
        2,
        undefined,
        'app/a.node does not load in this image: /app/a.node needs glibc 2.34, and the image has 2.31',
      ],
    ]);
  });

  test('HealthcheckProgram and CommandProgram: look for the program in the image', async () => {
    const text = (check: string, cmd: string) =>
      `FROM base\nCOPY a /\nHEALTHCHECK CMD ${check}\nCMD ${cmd}\n`;
    const rules = async (check: string, cmd: string, files: Record<string, string> = {}) => {
      const layers: LintedLayer[] = [BASE, ['COPY a /', { a: 'a', ...files }]];
      const found = await imageLinted(text(check, cmd), layers, { base: 1 });
      return found.map(({ code, message }) => `${code}: ${message}`).filter((one) => /Program:/.test(one));
    };
    const none = 'the image has no curl: the container is unhealthy from the start';
    expect(await rules('curl -f localhost', '["node"]')).toEqual([`HealthcheckProgram: ${none}`]);
    expect(await rules('["curl", "localhost"]', '["node"]')).toEqual([`HealthcheckProgram: ${none}`]);
    expect(await rules('curl localhost', '["node"]', { 'usr/bin/curl': 'c' })).toEqual([]);
    expect(await rules('test -f /a', 'exec node')).toEqual([]);
    expect(await rules('node -e 1', '["tini", "node"]')).toEqual([
      'CommandProgram: the image has no tini: it does not start',
    ]);
    expect(await rules('["/usr/local/bin/node"]', '["/bin/none"]')).toEqual([
      'CommandProgram: the image has no /bin/none: it does not start',
    ]);
    // The command of a stage that is not shipped does not count.
    const split = 'FROM base AS build\nCMD ["tini"]\nFROM base\nCMD ["node"]\n';
    expect(await summary('CommandProgram', split, [])).toEqual([]);
  });

  test('DistrolessCommand: knows any image whose entry point is an interpreter', async () => {
    const text = (cmd: string) => `FROM base\nCMD ${cmd}\n`;
    const config = (...args: string[]) => ({ Entrypoint: ['/usr/local/bin/node'], Cmd: args });
    const wrong = await findings('DistrolessCommand', text('["node", "a.js"]'), [], config('node', 'a.js'));
    expect(wrong.map(({ location, fix }) => [location.line, fix?.length])).toEqual([[2, 1]]);
    expect(await summary('DistrolessCommand', text('["a.js"]'), [], config('a.js'))).toEqual([]);
    const split = 'FROM base AS build\nCMD ["node", "a.js"]\nFROM base\nCMD ["a.js"]\n';
    expect(await summary('DistrolessCommand', split, [], config('a.js'))).toEqual([]);
  });

  test('RuntimeTools: compilers that are installed are a warning, what the base has an info', async () => {
    const text = 'FROM base\nRUN apk add gcc\n';
    const layer: LintedLayer = ['RUN apk add gcc', GCC];
    const found = await findings('RuntimeTools', text, [layer]);
    expect(found.map(({ severity, location }) => [severity, location.line])).toEqual([
      ['info', 1],
      ['warning', 2],
    ]);
    const base: LintedLayer = ['COPY rootfs /', { 'usr/local/bin/node': 'node' }];
    expect((await imageLinted('FROM base\n', [base], { base: 1 })).map(({ code }) => code)).not.toContain(
      'RuntimeTools',
    );
    // In a stage that is not shipped they do no harm.
    const split = `${text.replace('base', 'base AS build')}FROM base\nCOPY --from=build /a /a\n`;
    const shipped = await findings('RuntimeTools', split, [['COPY /a /a', { a: 'a' }]]);
    expect(shipped.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  test('FullBase: says whether a native addon may need the full image', async () => {
    const text = 'FROM node:22\nCOPY a /\n';
    const message = async (files: Record<string, string>) =>
      (await findings('FullBase', text, [['COPY a /', { ...files, ...GCC }]]))[0]?.message;
    expect(await message({ a: 'a' })).toContain('which no native addon of the image needs');
    expect(await message({ 'a.node': sharedLibrary(['napi_a']) })).toContain(
      'which the native addon of the image may need',
    );
  });

  test('FullBase: an image without a compiler is not the full one, whatever its tag says', async () => {
    const text = 'FROM node:22\nCOPY a /\n';
    expect(await findings('FullBase', text, [['COPY a /', { a: 'a' }]])).toEqual([]);
    expect(await findings('FullBase', text, [['COPY a /', GCC]])).toHaveLength(1);
  });
});

test('SourcesBeforeInstall says how many commits would have installed again', async () => {
  const folder = tempDir();
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: folder });
  const text = 'FROM scratch\nCOPY . /app/\nRUN npm ci\n';
  const write = (path: string, content: string) => writeFileSync(join(folder, path), content);
  write('Dockerfile', text);
  write('package.json', '{}');
  write('package-lock.json', '{}');
  git('init', '-q');
  for (const source of ['1', '2', '3']) {
    write('a.js', source);
    git('add', '.');
    git('commit', '-qm', source);
  }
  const { home, store, remove } = makeStore();
  try {
    await makeImage(store, { name: 'app', layers: [makeLayer(store, { a: 'a' })] });
    const { findings } = await lint({
      context: folder,
      home,
      env: {},
      image: { name: 'app' },
      today: LINTED_ON,
    });
    const found = findings.find(({ code }) => code === 'SourcesBeforeInstall');
    expect(found?.message).toMatch(/copies all files before it; [23] of the last [23] commits would have$/);
  } finally {
    store.close();
    remove();
  }
});

describe('instructions and layers', () => {
  test('an image of other instructions is named at FROM, as far as their texts differ', async () => {
    const text = 'FROM base\nRUN ./warm-up\nRUN ./check\nCOPY a /\n';
    const cache: LintedLayer = ['RUN ./warm-up', { 'var/cache/app/a': large }];
    const layers: LintedLayer[] = [cache, ['RUN ./other', { 'var/cache/app/b': large }]];
    const lines = (await findings('CacheFiles', text, layers)).map(({ location }) => location.line);
    expect(lines).toEqual([1, 2]);
  });
});
