import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reclaim } from '../../src/cli/reclaim.ts';
import { readRecord, recordText } from '../../src/store/record-file.ts';
import { openStore } from '../../src/store/store.ts';
import type { TestBuilds } from '../support/build.ts';
import { buildPair, type Pair, saidIn } from '../support/causes.ts';
import { makeImage, makeLayer } from '../support/images.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

const COPY = ['FROM scratch', 'COPY package.json /app/', 'COPY src /app/src'];
const STAGES = [
  'FROM scratch AS build',
  'COPY src /src',
  'COPY package.json /src/out/',
  'FROM scratch',
  'COPY --from=build /src /app',
];
const RUN = [
  'FROM base',
  'COPY package.json /app/',
  'RUN wc /app/package.json >/count',
  'COPY src /src',
  'RUN ls /src >/list',
];
const RANDOM = [
  ...['FROM base AS made', 'RUN cat /proc/sys/kernel/random/uuid >/id'],
  ...['FROM base AS shown', 'COPY --from=made /id /id'],
];
const VERSIONED = ['FROM base', 'ARG VERSION=1.3', 'RUN echo $VERSION >/version', 'RUN true'];

const edit = { files: { 'src/a.ts': 'aaaaaa' } };
const A = 'src/a.ts changed (4B → 6B)';
const touch =
  (path: string) =>
  ({ context }: TestBuilds) => {
    utimesSync(join(context, path), 1e9, 1e9);
  };
const replaced = (lines: string[], line: string, by: string) => lines.map((one) => (one === line ? by : one));
const prune = async ({ home }: TestBuilds) => {
  const store = openStore({ home });
  await reclaim(store, { images: 'none', unusedForMs: 0 }, () => {}, new AbortController().signal);
};
const pruneSources = ({ store }: TestBuilds) => {
  for (const { record } of store.records.list()) {
    if (record.title === 'COPY src /app/src') {
      store.records.remove(record.definition);
      rmSync(store.layout.layer(record.layer), { recursive: true });
    }
  }
};
/** An image whose only file has some content. */
const image =
  (name: string, content: string, env: string[] = []) =>
  async ({ store }: TestBuilds) => {
    await makeImage(store, {
      name,
      layers: [makeLayer(store, { base: content }, true)],
      config: { config: { Env: ['PATH=/bin', ...env] } },
    });
  };

const FILES: Pair[] = [
  { name: 'a file changed', sides: [{ dockerfile: COPY }, edit], because: [A], follow: 0 },
  {
    name: 'a file of the same size changed',
    sides: [{ dockerfile: COPY }, { files: { 'src/a.ts': 'AAAA' } }],
    because: ['src/a.ts changed (4B, same size)'],
  },
  {
    name: 'two files changed',
    sides: [{ dockerfile: COPY }, { files: { 'src/a.ts': 'a', 'src/b.ts': 'b' } }],
    because: ['src/a.ts changed (4B → 1B)', 'src/b.ts changed (4B → 1B)'],
  },
  {
    name: 'files of two steps changed',
    sides: [{ dockerfile: COPY }, { files: { 'src/a.ts': 'aaaaaa', 'package.json': '{ }' } }],
    because: ['package.json changed (2B → 3B)', A],
  },
  {
    name: 'a new file',
    sides: [{ dockerfile: COPY }, { files: { 'src/c.ts': 'ccc' } }],
    because: ['src/c.ts is new (3B)'],
  },
  {
    name: 'a new directory',
    sides: [{ dockerfile: COPY }, { files: { 'src/lib/x': 'x', 'src/lib/y': 'y' } }],
    because: ['src/lib is new (a directory with 2 files)'],
  },
  {
    name: 'a file is gone',
    sides: [{ dockerfile: COPY }, { files: { 'src/b.ts': null } }],
    because: ['src/b.ts is gone'],
  },
  {
    name: 'a file was renamed',
    sides: [{ dockerfile: COPY }, { files: { 'src/b.ts': null, 'src/c.ts': 'bbbb' } }],
    because: ['src/b.ts was renamed to src/c.ts'],
  },
  {
    name: 'one new, one gone, one changed',
    sides: [{ dockerfile: COPY }, { files: { 'src/b.ts': null, 'src/c.ts': 'other', 'src/a.ts': 'aaaaaa' } }],
    because: [A, 'src/c.ts is new (5B)', 'src/b.ts is gone'],
  },
  {
    name: 'a mode changed',
    sides: [{ dockerfile: COPY }, { act: ({ context }) => chmodSync(join(context, 'src/a.ts'), 0o755) }],
    because: ['src/a.ts is 0755 (was 0644)'],
  },
  {
    name: 'mode and content changed',
    sides: [
      { dockerfile: COPY },
      { ...edit, act: ({ context }) => chmodSync(join(context, 'src/a.ts'), 0o600) },
    ],
    because: [A, 'src/a.ts is 0600 (was 0644)'],
  },
  {
    name: 'a mode of a directory',
    sides: [
      { dockerfile: COPY, files: { 'src/lib/x': 'x' } },
      { act: ({ context }) => chmodSync(join(context, 'src/lib'), 0o700) },
    ],
    because: ['src/lib is 0700 (was 0755)'],
  },
  {
    name: 'a file became a symlink',
    sides: [
      { dockerfile: COPY },
      { files: { 'src/a.ts': null }, act: ({ context }) => symlinkSync('b.ts', join(context, 'src/a.ts')) },
    ],
    because: ['src/a.ts is a symlink (was a file)'],
  },
  {
    name: 'a symlink points elsewhere',
    sides: [
      { dockerfile: COPY, act: ({ context }) => symlinkSync('a.ts', join(context, 'src/link')) },
      { files: { 'src/link': null }, act: ({ context }) => symlinkSync('b.ts', join(context, 'src/link')) },
    ],
    because: ['src/link points to b.ts (was a.ts)'],
  },
  {
    name: 'a file became a directory',
    sides: [{ dockerfile: COPY }, { files: { 'src/a.ts': null, 'src/a.ts/x': 'x' } }],
    because: ['src/a.ts is a directory (was a file)'],
  },
  {
    name: 'five files changed',
    sides: [
      { dockerfile: COPY, files: { 'src/c': 'c', 'src/d': 'd', 'src/e': 'e' } },
      { files: { 'src/a.ts': 'x', 'src/b.ts': 'x', 'src/c': 'xx', 'src/d': 'xx', 'src/e': 'xx' } },
    ],
    because: [
      'src/a.ts changed (4B → 1B)',
      'src/b.ts changed (4B → 1B)',
      'src/c changed (1B → 2B)',
      'src/d changed (1B → 2B)',
      'src/e changed (1B → 2B)',
    ],
  },
  {
    name: 'the archive of an ADD',
    sides: [
      { dockerfile: ['FROM scratch', 'ADD package.json /x/'] },
      { files: { 'package.json': '{"a":1}' } },
    ],
    because: ['package.json changed (2B → 7B)'],
  },
  {
    name: 'a file of a named context',
    sides: [{ dockerfile: ['FROM scratch', 'COPY --from=lib . /lib'] }, { files: { 'src/a.ts': 'aaaaaa' } }]
      .map((side) => ({
        ...side,
        act: ({ context }: TestBuilds) => {
          NAMED.contexts = { lib: join(context, 'src') };
        },
      }))
      .map((side) => ({
        ...side,
        get options() {
          return NAMED;
        },
      })),
    because: ['a.ts of context lib changed (4B → 6B)'],
  },
];
const NAMED: { contexts: Record<string, string> } = { contexts: {} };

const IGNORED: Pair[] = [
  {
    name: 'an ignore file that leaves out a file',
    sides: [{ dockerfile: COPY }, { files: { '.dockerignore': '# new\nsrc/a.ts\n' } }],
    because: ['.dockerignore now leaves out src/a.ts'],
    follow: 0,
  },
  {
    name: 'an ignore file that leaves out a file no longer',
    sides: [
      { dockerfile: COPY, files: { '.dockerignore': 'src/a.ts\nx\n' } },
      { files: { '.dockerignore': 'x' } },
    ],
    because: ['.dockerignore no longer leaves out src/a.ts'],
  },
  {
    name: 'an ignore file that is gone',
    sides: [
      { dockerfile: COPY, files: { '.dockerignore': 'src/a.ts\n' } },
      { files: { '.dockerignore': null } },
    ],
    because: ['.dockerignore no longer leaves out src/a.ts'],
  },
  {
    name: 'an ignore file that leaves out a directory',
    sides: [{ dockerfile: COPY, files: { 'src/lib/x': 'x' } }, { files: { '.dockerignore': '**/lib\n' } }],
    because: ['.dockerignore now leaves out src/lib'],
  },
  {
    name: 'an ignore file, and a file',
    sides: [{ dockerfile: COPY }, { files: { '.dockerignore': 'src/a.ts\n', 'src/b.ts': 'bbbbbb' } }],
    because: ['src/b.ts changed (4B → 6B)', '.dockerignore now leaves out src/a.ts'],
  },
  {
    name: 'an ignore file, and a file that is gone',
    sides: [
      { dockerfile: COPY, files: { 'src/c.ts': 'cc' } },
      { files: { '.dockerignore': 'src/a.ts\n', 'src/b.ts': null } },
    ],
    because: ['src/b.ts is gone', '.dockerignore now leaves out src/a.ts'],
  },
  {
    name: 'an ignore file that leaves out another file of the same content',
    sides: [
      { dockerfile: COPY, files: { 'src/c.ts': 'aaaa', '.dockerignore': 'src/a.ts' } },
      { files: { '.dockerignore': 'src/c.ts\n' } },
    ],
    because: ['.dockerignore now leaves out src/c.ts', '.dockerignore no longer leaves out src/a.ts'],
  },
  {
    name: 'an ignore file that leaves out what nothing reads',
    sides: [{ dockerfile: COPY }, { files: { '.dockerignore': 'README.md\n' } }],
    because: [],
  },
  {
    name: 'an ignore file that says nothing new, and a new file',
    sides: [{ dockerfile: COPY }, { files: { '.dockerignore': 'README.md\n', 'src/c.ts': 'ccc' } }],
    because: ['src/c.ts is new (3B)'],
  },
];

const DECOYS: Pair[] = [
  { name: 'nothing changed', sides: [{ dockerfile: COPY }, {}], because: [] },
  { name: 'a file was touched', sides: [{ dockerfile: COPY }, { act: touch('src/a.ts') }], because: [] },
  {
    name: 'a file was touched, another changed',
    sides: [{ dockerfile: COPY }, { ...edit, act: touch('src/b.ts') }],
    because: [A],
  },
  {
    name: 'a comment changed',
    sides: [{ dockerfile: COPY }, { dockerfile: ['# new', ...COPY] }],
    because: [],
  },
  {
    name: 'a comment changed, and a file',
    sides: [{ dockerfile: COPY }, { dockerfile: ['# new', ...COPY], ...edit }],
    because: [A],
  },
  {
    name: 'labels in another order',
    sides: [
      { dockerfile: [...COPY, 'LABEL a=1', 'LABEL b=2'] },
      { dockerfile: [...COPY, 'LABEL b=2', 'LABEL a=1'] },
    ],
    because: [],
  },
  {
    name: 'another label, and a file',
    sides: [{ dockerfile: [...COPY, 'LABEL a=1'] }, { dockerfile: [...COPY, 'LABEL a=2'], ...edit }],
    because: [A],
  },
  {
    name: 'a file that nothing reads',
    sides: [{ dockerfile: COPY }, { files: { 'README.md': 'new' } }],
    because: [],
  },
  {
    name: 'alternating branches, both known',
    sides: [
      { dockerfile: COPY },
      { files: { 'src/a.ts': 'branch', 'src/b.ts': 'branch' } },
      { files: { 'src/a.ts': 'aaaa', 'src/b.ts': 'bbbb' } },
    ],
    because: [],
  },
  {
    name: 'alternating branches, one went on',
    sides: [
      { dockerfile: COPY },
      { files: { 'src/a.ts': 'branch-', 'src/b.ts': 'branch' } },
      { files: { 'src/a.ts': 'aaaaaa', 'src/b.ts': 'bbbb' } },
    ],
    because: [A],
  },
  {
    name: 'the other branch went on, after builds of this one',
    sides: [
      { dockerfile: COPY },
      { files: { 'src/a.ts': 'branch-', 'src/b.ts': 'branch' } },
      { files: { 'src/a.ts': 'aaaa', 'src/b.ts': 'bbbb' } },
      {},
      { files: { 'src/a.ts': 'branch-', 'src/b.ts': 'branches' } },
    ],
    because: ['src/b.ts changed (6B → 8B)'],
  },
];

const INSTRUCTIONS: Pair[] = [
  {
    name: 'the instruction changed',
    sides: [{ dockerfile: COPY }, { dockerfile: replaced(COPY, 'COPY src /app/src', 'COPY src /app/lib') }],
    because: ['the instruction changed (was COPY src /app/src)'],
  },
  {
    name: 'the instruction and a file changed',
    sides: [
      { dockerfile: COPY },
      { dockerfile: replaced(COPY, 'COPY src /app/src', 'COPY src /app/lib'), ...edit },
    ],
    because: ['the instruction changed (was COPY src /app/src)', A],
  },
  {
    name: 'a new instruction',
    sides: [{ dockerfile: COPY }, { dockerfile: [...COPY, 'COPY README.md /'] }],
    because: ['the instruction is new'],
  },
  {
    name: '--chown is given',
    sides: [
      { dockerfile: COPY },
      { dockerfile: replaced(COPY, 'COPY src /app/src', 'COPY --chown=7:8 src /app/src') },
    ],
    because: ['--chown is 7:8 (was not set)'],
  },
  {
    name: '--chmod changed',
    sides: [
      { dockerfile: ['FROM scratch', 'COPY --chmod=755 src /s'] },
      { dockerfile: ['FROM scratch', 'COPY --chmod=700 src /s'] },
    ],
    because: ['--chmod is 700 (was 755)'],
  },
  {
    name: 'a working directory',
    sides: [
      { dockerfile: ['FROM scratch', 'WORKDIR /app'] },
      { dockerfile: ['FROM scratch', 'WORKDIR /srv'] },
    ],
    because: ['the instruction changed (was WORKDIR /app)'],
  },
  {
    name: 'a relative destination follows WORKDIR',
    sides: [
      { dockerfile: ['FROM scratch', 'WORKDIR /app', 'COPY src s'] },
      { dockerfile: ['FROM scratch', 'WORKDIR /srv', 'COPY src s'] },
    ],
    because: ['the instruction changed (was WORKDIR /app)'],
    follow: 1,
  },
  {
    name: 'a variable of a path',
    sides: [
      { dockerfile: ['FROM scratch', 'ARG V=1', 'COPY src /s-$V'] },
      { options: { buildArgs: { V: '2' } } },
    ],
    because: ['V is 2 (was 1)'],
  },
  {
    name: 'the default of a variable',
    sides: [
      { dockerfile: ['FROM scratch', 'ARG V=1', 'COPY src /s-$V'] },
      { dockerfile: ['FROM scratch', 'ARG V=3', 'COPY src /s-$V'] },
    ],
    because: ['V is 3 (was 1)'],
  },
  {
    name: 'a heredoc',
    sides: [
      { dockerfile: ['FROM scratch', 'COPY <<EOF /x', 'one', 'EOF'] },
      { dockerfile: ['FROM scratch', 'COPY <<EOF /x', 'two', 'EOF'] },
    ],
    because: ['the instruction changed (was COPY <<EOF /x)'],
  },
  {
    name: 'SOURCE_DATE_EPOCH',
    sides: [
      { dockerfile: COPY, options: { buildArgs: { SOURCE_DATE_EPOCH: '1' } } },
      { options: { buildArgs: { SOURCE_DATE_EPOCH: '2' } } },
    ],
    because: ['SOURCE_DATE_EPOCH is 2 (was 1)'],
    follow: 1,
  },
];

const OTHERS: Pair[] = [
  { name: 'a stage that another one reads', sides: [{ dockerfile: STAGES }, edit], because: [A], follow: 1 },
  {
    name: 'two steps of a stage that another one reads',
    sides: [{ dockerfile: STAGES }, { files: { 'src/a.ts': 'aaaaaa', 'package.json': '[]x' } }],
    because: [A, 'package.json changed (2B → 3B)'],
    follow: 1,
  },
  {
    name: 'only what a step reads of a stage',
    sides: [
      {
        dockerfile: [
          ...STAGES.slice(0, 4),
          'COPY --from=build /src/out /app',
          'COPY --from=build /src/b.ts /b',
        ],
      },
      { files: { 'src/a.ts': 'aaaaaa', 'package.json': '[]x' } },
    ],
    because: [A, 'package.json changed (2B → 3B)'],
    follow: 1,
  },
  {
    name: 'a new stage',
    sides: [
      { dockerfile: COPY },
      { dockerfile: ['FROM scratch AS other', 'COPY README.md /', ...COPY, 'COPY --from=other / /o'] },
    ],
    because: ['first build of stage other', 'the instruction is new'],
  },
  { name: 'first build', sides: [{ dockerfile: COPY }], because: ['first build on record'], follow: 1 },
  {
    name: 'the base image moved',
    sides: [
      { dockerfile: ['FROM img', 'COPY --from=img /base /copy'], act: image('img', 'one') },
      { act: image('img', 'two') },
    ],
    because: [
      expect.stringMatching(/^img:latest moved from sha256:\w{12} to sha256:\w{12}$/) as unknown as string,
    ],
  },
  {
    name: '--no-cache',
    sides: [{ dockerfile: COPY }, { options: { noCache: true } }],
    because: ['--no-cache'],
    follow: 1,
  },
  {
    name: '--no-cache, with a touched file',
    sides: [{ dockerfile: COPY }, { options: { noCache: true }, act: touch('src/a.ts') }],
    because: ['--no-cache'],
    follow: 1,
  },
  {
    name: 'one record pruned, and a file of another step',
    sides: [
      { dockerfile: COPY },
      {
        files: { 'package.json': '{ }' },
        act: pruneSources,
      },
    ],
    because: ['package.json changed (2B → 3B)', 'its record was pruned'],
  },
  {
    name: 'a mode, a new file and one that is gone, with labels in another order',
    sides: [
      { dockerfile: [...COPY, 'LABEL a=1', 'LABEL b=2'] },
      {
        dockerfile: [...COPY, 'LABEL b=2', 'LABEL a=1'],
        files: { 'src/c.ts': 'cc', 'src/b.ts': null },
        act: ({ context }) => chmodSync(join(context, 'src/a.ts'), 0o755),
      },
    ],
    because: ['src/c.ts is new (2B)', 'src/b.ts is gone', 'src/a.ts is 0755 (was 0644)'],
  },
  {
    name: '--no-cache-filter',
    sides: [{ dockerfile: STAGES }, { options: { noCacheFilter: ['build'] } }],
    because: ['--no-cache-filter build'],
  },
  {
    name: 'all records pruned',
    sides: [{ dockerfile: COPY }, { act: prune }],
    because: ['its record was pruned'],
    follow: 1,
  },
  {
    name: 'one record pruned',
    sides: [
      { dockerfile: COPY },
      {
        act: pruneSources,
      },
    ],
    because: ['its record was pruned'],
  },
  {
    name: 'a layer lost',
    sides: [
      { dockerfile: COPY },
      {
        act: ({ store }) => {
          for (const { record } of store.records.list())
            if (record.title === 'COPY src /app/src') store.layers.discardRecord(record.layer);
        },
      },
    ],
    because: ['its layer was lost or damaged'],
  },
  {
    name: 'a layer damaged',
    sides: [
      { dockerfile: COPY },
      {
        act: ({ store }) => {
          for (const { record } of store.records.list())
            if (record.title === 'COPY src /app/src')
              writeFileSync(store.layout.layerRecord(record.layer), 'x');
        },
      },
    ],
    because: ['its layer was lost or damaged'],
  },
  {
    name: 'keys of an earlier version',
    sides: [{ dockerfile: COPY }, { act: ({ store }) => olderKeys(store.layout.builds, store) }],
    because: ['jettison was upgraded: cache keys changed'],
    follow: 1,
  },
  {
    name: 'another platform',
    sides: [
      { dockerfile: COPY, options: { platform: 'linux/amd64' } },
      { options: { platform: 'linux/riscv64' }, files: { 'src/a.ts': 'aaaaaa' } },
    ],
    because: ['first build for linux/riscv64'],
  },
];

/** Makes the builds on record ones of a version whose keys were others. */
function olderKeys(builds: string, store: TestBuilds['store']): void {
  rmSync(store.layout.steps, { recursive: true });
  rmSync(store.layout.layers, { recursive: true });
  for (const folder of [store.layout.steps, store.layout.layers]) mkdirSync(folder);
  // Definitions have the version in them.
  const older = (json: string) =>
    json.replace(
      /("definition":"sha256:)([0-9a-f]{64})/g,
      (_, head: string, hex: string) => head + aged(hex),
    );
  for (const folder of ['steps', 'records'].map((name) => join(builds, name))) {
    for (const name of readdirSync(folder)) {
      const record = JSON.parse(older(JSON.stringify(readRecord<object>(join(folder, name))))) as object;
      rmSync(join(folder, name));
      const path = folder.endsWith('steps') ? `${aged(name.slice(0, 64))}.json` : name;
      writeFileSync(
        join(folder, path),
        recordText('keyVersion' in record ? { ...record, keyVersion: 1 } : record),
      );
    }
  }
}

function aged(hex: string): string {
  return hex.split('').reverse().join('');
}

const RUNS: Pair[] = [
  {
    name: 'a command follows from a file',
    runs: true,
    sides: [{ dockerfile: RUN }, edit],
    because: [A],
    follow: 1,
  },
  {
    name: 'everything follows from a file',
    runs: true,
    sides: [{ dockerfile: RUN }, { files: { 'package.json': '{"a":1}' } }],
    because: ['package.json changed (2B → 7B)'],
    follow: 2,
  },
  {
    name: 'a command changed',
    runs: true,
    sides: [
      { dockerfile: RUN },
      { dockerfile: replaced(RUN, 'RUN ls /src >/list', 'RUN ls -l /src >/list') },
    ],
    because: ['the instruction changed (was RUN ls /src >/list)'],
  },
  {
    name: 'a build argument',
    runs: true,
    sides: [{ dockerfile: VERSIONED }, { options: { buildArgs: { VERSION: '1.4' } } }],
    because: ['VERSION is 1.4 (was 1.3)'],
    follow: 1,
  },
  {
    name: 'a build argument in an ENV',
    runs: true,
    sides: [
      { dockerfile: [...VERSIONED.slice(0, 2), 'ENV APP_VERSION=v$VERSION', 'RUN true'] },
      { options: { buildArgs: { VERSION: '1.4' } } },
    ],
    because: ['VERSION is 1.4 (was 1.3)'],
  },
  {
    name: 'an ENV',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'ENV MODE=dev', 'RUN true'] },
      { dockerfile: ['FROM base', 'ENV MODE=production', 'RUN true'] },
    ],
    because: ['MODE is production (was dev)'],
  },
  {
    name: 'a new ENV',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'RUN true'] },
      { dockerfile: ['FROM base', 'ENV MODE=dev', 'RUN true'] },
    ],
    because: ['MODE is set (dev)'],
  },
  {
    name: 'a secret in an argument',
    runs: true,
    sides: [
      {
        dockerfile: ['FROM base', 'ARG API_TOKEN', 'RUN true'],
        options: { buildArgs: { API_TOKEN: 'hunter2-first' } },
      },
      { options: { buildArgs: { API_TOKEN: 'hunter2-second' } } },
    ],
    because: ['API_TOKEN changed (xxxxx)'],
  },
  {
    name: 'a variable and a file',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'COPY src /src', 'ARG V=1', 'RUN true'] },
      { ...edit, options: { buildArgs: { V: '2' } } },
    ],
    because: [A, 'V is 2 (was 1)'],
  },
  {
    name: 'USER',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'USER node', 'RUN true'] },
      { dockerfile: ['FROM base', 'USER odd', 'RUN true'] },
    ],
    because: ['USER is odd (was node)'],
  },
  {
    name: 'WORKDIR',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'WORKDIR /a', 'RUN true'] },
      { dockerfile: ['FROM base', 'WORKDIR /b', 'RUN true'] },
    ],
    because: ['the instruction changed (was WORKDIR /a)'],
    follow: 1,
  },
  {
    name: 'SHELL',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'RUN true'] },
      { dockerfile: ['FROM base', 'SHELL ["/bin/sh","-ec"]', 'RUN true'] },
    ],
    because: ['SHELL is /bin/sh -ec (was /bin/sh -c)'],
  },
  {
    name: 'a mount',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'RUN --mount=type=cache,target=/c true'] },
      { dockerfile: ['FROM base', 'RUN --mount=type=cache,target=/d true'] },
    ],
    because: [
      'the mount --mount=type=cache,target=/d is new',
      'the mount --mount=type=cache,target=/c is gone',
    ],
  },
  {
    name: 'files of a mount',
    runs: true,
    sides: [{ dockerfile: ['FROM base', 'RUN --mount=type=bind,source=src,target=/s ls /s >/x'] }, edit],
    because: [A],
  },
  {
    name: '--network',
    runs: true,
    sides: [{ dockerfile: ['FROM base', 'RUN true'] }, { options: { network: 'none' } }],
    because: ['--network is none (was default)'],
  },
  {
    name: '--add-host',
    runs: true,
    sides: [{ dockerfile: ['FROM base', 'RUN true'] }, { options: { hosts: [['x', '1.2.3.4']] } }],
    because: ['--add-host is x:1.2.3.4 (was not set)'],
  },
  {
    name: 'an account',
    runs: true,
    sides: [
      {
        dockerfile: ['FROM base', 'COPY passwd /etc/passwd', 'COPY --chown=app src /s'],
        files: { passwd: 'app:x:1000:1000::/:/bin/sh\n' },
      },
      { files: { passwd: 'app:x:1001:1001::/:/bin/sh\n' } },
    ],
    because: ['passwd changed (27B → 27B, same size)'.replace('27B → ', '')],
    follow: 1,
  },
  {
    name: 'the destination',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'RUN mkdir -m 755 /d', 'COPY src /d/s'] },
      { dockerfile: ['FROM base', 'RUN mkdir -m 700 /d', 'COPY src /d/s'] },
    ],
    because: ['the instruction changed (was RUN mkdir -m 755 /d)'],
    follow: 1,
  },
  {
    name: 'an instruction before it is gone',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'COPY package.json /', 'COPY README.md /', 'RUN ls / >/list'] },
      { dockerfile: ['FROM base', 'COPY README.md /', 'RUN ls / >/list'] },
    ],
    because: ['COPY package.json / is gone'],
  },
  {
    name: 'an instruction before it is new',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'COPY package.json /', 'RUN ls / >/list'] },
      { dockerfile: ['FROM base', 'COPY README.md /', 'COPY package.json /', 'RUN ls / >/list'] },
    ],
    because: ['the instruction is new'],
    follow: 1,
  },
  {
    name: 'it failed',
    runs: true,
    sides: [
      {
        dockerfile: [
          'FROM base',
          'COPY src /s',
          'RUN --mount=type=cache,target=/c test -e /c/x || { touch /c/x; false; }',
        ],
        fails: true,
      },
      {},
    ],
    because: ['it failed'],
  },
  {
    name: 'it failed without its secret',
    runs: true,
    sides: [
      {
        dockerfile: ['FROM base', 'RUN --mount=type=secret,id=npmrc cat /run/secrets/npmrc >/dev/null'],
        fails: true,
      },
      { options: { secrets: { npmrc: { value: 'x' } } } },
    ],
    because: ['it failed without the secret npmrc'],
  },
  {
    name: 'an instruction before it was moved',
    runs: true,
    sides: [
      { dockerfile: ['FROM base', 'COPY package.json /', 'COPY README.md /', 'RUN ls / >/list'] },
      { dockerfile: ['FROM base', 'COPY README.md /', 'COPY package.json /', 'RUN ls / >/list'] },
    ],
    because: ['COPY README.md / was moved'],
  },
  {
    name: 'another result in between',
    runs: true,
    sides: [
      { dockerfile: RANDOM },
      { options: { target: 'made', noCache: true } },
      { options: { target: 'shown' }, act: touch('src/a.ts') },
    ],
    because: ['id of stage made changed (37B, same size)'],
  },
  {
    name: 'another result below a command',
    runs: true,
    sides: [
      { dockerfile: [...RANDOM.slice(0, 2), 'FROM made AS shown', 'RUN cat /id'] },
      { options: { target: 'made', noCache: true } },
      { options: { target: 'shown' } },
    ],
    because: ['a step below gave another result'],
  },
  {
    name: 'a build argument, the base and a file, with a comment and a touched file',
    runs: true,
    sides: [
      {
        dockerfile: [
          ...['FROM img', 'COPY --from=base /bin /bin', 'ARG VERSION=1.3', 'COPY src /src'],
          'RUN ls /src >/list && echo $VERSION',
        ],
        act: image('img', 'one'),
      },
      {
        dockerfile: [
          ...['# new', 'FROM img', 'COPY --from=base /bin /bin', 'ARG VERSION=1.4', 'COPY src /src'],
          'RUN ls /src >/list && echo $VERSION',
        ],
        ...edit,
        act: async (builds) => {
          touch('package.json')(builds);
          await image('img', 'two')(builds);
        },
      },
    ],
    because: [
      A,
      'VERSION is 1.4 (was 1.3)',
      expect.stringMatching(
        /^the base img:latest moved from sha256:\w{12} to sha256:\w{12}$/,
      ) as unknown as string,
    ],
  },
  {
    name: 'the base of a command moved',
    runs: true,
    sides: [
      {
        dockerfile: ['FROM img', 'COPY --from=base / /', 'RUN echo x >/y'],
        act: image('img', 'one', ['A=1']),
      },
      { act: image('img', 'two', ['A=2']) },
    ],
    because: [
      expect.stringMatching(
        /^the base img:latest moved from sha256:\w{12} to sha256:\w{12}$/,
      ) as unknown as string,
    ],
  },
  {
    name: 'another base',
    runs: true,
    sides: [
      {
        dockerfile: ['FROM img AS x', 'FROM img', 'COPY --from=base / /', 'RUN echo x >/y'],
        act: async (builds) => {
          await image('img', 'one')(builds);
          await image('other', 'two')(builds);
        },
      },
      { dockerfile: ['FROM img AS x', 'FROM other', 'COPY --from=base / /', 'RUN echo x >/y'] },
    ],
    because: ['the base is other:latest (was img:latest)'],
  },
];

const why = whyNoSandbox();

describe('a build says why a step is carried out', () => {
  it.each([FILES, IGNORED, DECOYS, INSTRUCTIONS, OTHERS].flatMap((pairs) => sample(pairs, 4)))(
    '$name',
    check,
  );
});

describe.skipIf(why)('a build says why a command is carried out', () => {
  it.each(sample(RUNS, 4))('$name', check);
});

async function check(pair: Pair): Promise<void> {
  const said = saidIn(await buildPair(pair));
  expect(said.because).toEqual(pair.because);
  if (pair.follow !== undefined) expect(said.follow).toBe(pair.follow);
}
