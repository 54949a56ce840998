import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImageConfig, Manifest } from '../../src/image/types.ts';
import { ended, otherUser, startCommand, TestBuilds } from '../support/build.ts';
import { copyCommand, whyNoSandbox } from '../support/sandbox.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));
/** Stands for npm in a base: what it installs and compiles are copies. */
const NPM = `#!/bin/sh
case "$1" in
ci) mkdir -p node_modules/.bin node_modules/dependency && cat package.json package-lock.json >node_modules/dependency/index.js &&
  ln -s ../dependency/index.js node_modules/.bin/dependency && head -c 100 package.json >/root/.npm/log ;;
run) cp -r src dist ;;
esac
`;
/** Larger than the blocks that are compressed side by side. */
const LARGE = Array.from({ length: 400_000 }, (_, i) => `${(i * 2654435761) % 4294967296}`).join('\n');
const DOCKERFILE = `FROM base AS build
WORKDIR /src
COPY . .
RUN mkdir -p /out/bin && cat a/* z.txt >/out/all && cp run.sh /out/bin/ && ln /out/all /out/same && ln -s all /out/link
FROM base
WORKDIR /app/deep
COPY --from=build /out /app/
COPY <<EOT /app/note
heredoc
EOT
RUN chmod 4755 /app/bin/run.sh && rm -r /home && touch /app/touched
CMD ["/app/bin/run.sh"]
`;
const FILES: Record<string, string> = {
  large: LARGE,
  'z.txt': 'z\n',
  'a/1': '1\n',
  'a/2': '2\n',
  'm/n/o': 'o\n',
  'run.sh': '#!/bin/sh\n',
};
const EPOCH = 1_650_000_000;

let builds: TestBuilds;
let why: string | undefined;
let theirs: (...args: string[]) => ReturnType<typeof ended>;

beforeAll(async () => {
  why = whyNoSandbox();
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  builds.write({ npm: NPM });
  await builds.build('FROM base\nCOPY --chmod=755 npm /bin/npm\nRUN mkdir -p /root/.npm\n', {
    tags: ['node:20'],
  });
  chmodSync(builds.folder, 0o755);
  const ids = otherUser();
  if (typeof ids === 'string') return;
  const archive = join(builds.folder, 'base.tar');
  await builds.run(['save', '-o', archive, 'base', 'node:20']);
  chmodSync(archive, 0o644);
  const cli = copyCommand(join(builds.folder, 'command'));
  const folder = join(builds.folder, 'theirs');
  mkdirSync(folder);
  chownSync(folder, ids.uid, ids.gid);
  const env = { SOURCE_DATE_EPOCH: String(EPOCH) };
  theirs = (...args) =>
    ended(startCommand(args, { home: join(folder, 'store'), cwd: folder, cli, ids, env }));
  await theirs('load', '-i', archive);
});
afterAll(() => builds?.remove());
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

/** The files in a new folder, written in an order of their own, with times, modes and owners of their own. */
function checkout(name: string, files: Record<string, string>, options: { reverse: boolean; umask: number }) {
  const folder = join(builds.folder, name);
  mkdirSync(folder);
  const names = Object.keys(files).sort();
  if (options.reverse) names.reverse();
  const mode = (bits: number) => bits & ~options.umask;
  for (const [i, path] of names.entries()) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, files[path]!);
    chmodSync(file, mode(path.endsWith('.sh') ? 0o777 : 0o666));
    const time = options.reverse ? 1_000_000_000 + i : 1_700_000_000 - i;
    utimesSync(file, time, time);
  }
  for (const entry of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, entry);
    if (statSync(path).isDirectory()) chmodSync(path, mode(0o777));
  }
  chmodSync(folder, mode(0o777));
  return folder;
}

/** What of an example is in its repository. */
function example(name: string): Record<string, string> {
  const folder = join(EXAMPLES, name);
  const files = execFileSync('find', [
    folder,
    '-name',
    'node_modules',
    '-prune',
    '-o',
    '-type',
    'f',
    '-print',
  ])
    .toString()
    .trim()
    .split('\n');
  return Object.fromEntries(files.map((file) => [file.slice(folder.length + 1), readFileSync(file, 'utf8')]));
}

/** The digest of the image that a command has built. */
async function digestOf(run: ReturnType<typeof ended>, metadata: string): Promise<string> {
  const { code, err } = await run;
  expect(err).not.toContain('error');
  expect(code).toBe(0);
  return JSON.parse(readFileSync(metadata, 'utf8'))['containerimage.digest'];
}

const FLAGS = ['--reproducible', '--no-cache', '--metadata-file'];

describe('--reproducible', () => {
  it.each([
    ['stages, commands and links', { ...FILES, Dockerfile: DOCKERFILE }],
    ['the example of a static site', example('static-site')],
    ['the example of a service', example('api')],
  ])(
    'gives the same digest of %s whatever the order, times, umask, user, cores and place',
    async (name, files) => {
      const id = name.length;
      const first = checkout(`first-${id}`, files, { reverse: false, umask: 0o022 });
      const second = checkout(`second-${id}`, files, { reverse: true, umask: 0o002 });
      const env = { SOURCE_DATE_EPOCH: String(EPOCH) };
      const meta = (n: number) => join(builds.folder, `meta-${id}-${n}`);
      const one = await digestOf(ended(builds.start(['build', ...FLAGS, meta(1), first], { env })), meta(1));
      const two = await digestOf(ended(builds.start(['build', ...FLAGS, meta(2), second], { env })), meta(2));
      expect(two).toBe(one);
      // One core, another place and language, and a clock that is far ahead of the files' times.
      const elsewhere = { ...env, TZ: 'Pacific/Auckland', LANG: 'de_DE.UTF-8', LC_ALL: 'tr_TR.UTF-8' };
      const third = builds.start(['build', ...FLAGS, meta(3), second], {
        env: elsewhere,
        before: ['taskset', '-c', '0'],
      });
      expect(await digestOf(ended(third), meta(3))).toBe(one);
      if (theirs !== undefined) {
        const file = join(builds.folder, 'theirs', `meta-${id}`);
        expect(await digestOf(theirs('build', ...FLAGS, file, second), file)).toBe(one);
      }
      const manifest = builds.store.blobs.readJson<Manifest>(one as `sha256:${string}`);
      const config = builds.store.blobs.readJson<ImageConfig>(manifest.config.digest);
      expect(config.created).toBe(new Date(EPOCH * 1000).toISOString());
    },
  );

  it('is not needed where only times differ: rewrite-timestamp with SOURCE_DATE_EPOCH will do', async () => {
    const files = { ...FILES, Dockerfile: DOCKERFILE };
    const digests: string[] = [];
    for (const reverse of [false, true]) {
      const context = checkout(`times-${reverse}`, files, { reverse, umask: 0o022 });
      const { digest } = await builds.build(DOCKERFILE, {
        context,
        noCache: true,
        // Earlier than the files of either.
        env: { PATH: process.env['PATH'], SOURCE_DATE_EPOCH: '900000000' },
        outputs: [{ type: 'image', form: { rewriteTimestamp: true } }],
      });
      digests.push(digest);
    }
    expect(digests[1]).toBe(digests[0]);
  });

  it('takes the time of the last commit, and closed modes count as open ones', async () => {
    const origin = checkout('origin', { ...FILES, Dockerfile: DOCKERFILE }, { reverse: false, umask: 0o022 });
    const dates = { GIT_AUTHOR_DATE: `${EPOCH} +0000`, GIT_COMMITTER_DATE: `${EPOCH} +0000` };
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e', ...args], {
        cwd: origin,
        env: { ...process.env, ...dates },
      });
    git('init', '-q');
    git('add', '.');
    git('commit', '-q', '-m', 'first');
    const clone = join(builds.folder, 'clone');
    cpSync(origin, clone, { recursive: true });
    for (const name of ['z.txt', 'a/1']) chmodSync(join(clone, name), 0o600);
    chmodSync(join(clone, 'a'), 0o700);
    writeFileSync(join(origin, '.dockerignore'), '.git\n.dockerignore\n');
    writeFileSync(join(clone, '.dockerignore'), '.git\n.dockerignore\n');
    const one = await builds.build(DOCKERFILE, { context: origin, reproducible: true, noCache: true });
    const two = await builds.build(DOCKERFILE, { context: clone, reproducible: true, noCache: true });
    expect(two.digest).toBe(one.digest);
    expect(one.config.created).toBe(new Date(EPOCH * 1000).toISOString());
  });

  it('finds everything cached when only the time is another', async () => {
    const build = (time: number) =>
      builds.build(DOCKERFILE, {
        context: join(builds.folder, 'origin'),
        reproducible: true,
        env: { PATH: process.env['PATH'], SOURCE_DATE_EPOCH: String(time) },
      });
    const one = await build(EPOCH);
    const two = await build(EPOCH + 1);
    expect(two.digest).not.toBe(one.digest);
    expect(new Set(Object.values(two.outcomes))).toEqual(new Set(['cached']));
    expect((await build(EPOCH)).digest).toBe(one.digest);
  });
});
