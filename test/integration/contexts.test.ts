import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Built, TestBuilds } from '../support/build.ts';
import { commitAll, git, hasGit, Web } from '../support/web.ts';

let builds: TestBuilds;
let web: Web;
let repository: string;
/** Of the files that the contexts of these tests hold. */
const ALL = 'FROM scratch\nCOPY . /\n';

beforeAll(async () => {
  builds = await TestBuilds.create();
  repository = join(builds.folder, 'work');
  mkdirSync(join(repository, 'sub'), { recursive: true });
  writeFileSync(join(repository, 'Dockerfile'), ALL);
  writeFileSync(join(repository, 'run.sh'), '#!/bin/sh\n');
  chmodSync(join(repository, 'run.sh'), 0o700);
  writeFileSync(join(repository, 'sub', 'Dockerfile'), ALL);
  writeFileSync(join(repository, 'sub', 'file'), 'of main\n');
  writeFileSync(join(repository, '.dockerignore'), 'sub\n');
  symlinkSync('run.sh', join(repository, 'link'));
  if (hasGit) {
    commitAll(repository);
    git(repository, 'tag', '-a', 'v1', '-m', 'v1');
    git(repository, 'checkout', '-q', '-b', 'other');
    writeFileSync(join(repository, 'sub', 'file'), 'of other\n');
    git(repository, 'commit', '-q', '-a', '-m', 'two');
    git(repository, 'checkout', '-q', 'main');
    git(builds.folder, 'clone', '-q', '--bare', 'work', 'repositories/app.git');
  }
  web = await Web.start(join(builds.folder, 'repositories'));
});
afterAll(async () => {
  await web.close();
  builds.remove();
});

/** The entries of the layer that a step made: `path mode uid:gid mtime`. */
function listing(built: Built, title: string): string[] {
  const entries = [...builds.store.layers.index(built.layers[title]!).entries()];
  return entries
    .filter(({ path }) => path !== '')
    .map(({ path, mode, uid, gid, mtime }) => `${path} ${mode.toString(8)} ${uid}:${gid} ${mtime}`);
}

function tar(): Buffer {
  const folder = join(builds.folder, 'packed');
  mkdirSync(join(folder, 'docker'), { recursive: true });
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY --chown=7 file hidden /\nCOPY . /all/\n');
  writeFileSync(join(folder, 'docker', 'Other'), 'FROM scratch\nCOPY file /other\n');
  writeFileSync(join(folder, 'file'), 'x\n');
  writeFileSync(join(folder, 'hidden'), 'y\n');
  writeFileSync(join(folder, '.dockerignore'), 'hidden\n');
  for (const name of ['Dockerfile', 'docker/Other', 'file', 'hidden', '.dockerignore', 'docker'])
    utimesSync(join(folder, name), 1000, 1000);
  return execFileSync('tar', ['-c', '--owner=5', '--group=6', '--mode=u=rw,go=r,a+X', '-C', folder, '.']);
}

describe('archives as contexts', () => {
  test('come from standard input, keep owners, modes and times, and no ignore file counts', async () => {
    const built = await builds.build('', { context: '-', file: undefined!, stdin: Readable.from([tar()]) });
    expect(listing(built, 'COPY --chown=7 file hidden /')).toEqual([
      'file 644 7:7 1000',
      'hidden 644 7:7 1000',
    ]);
    expect(listing(built, 'COPY . /all/')).toContain('all/file 644 5:6 1000');
    expect(listing(built, 'COPY . /all/')).toContain('all/.dockerignore 644 5:6 1000');
  });

  test('are files, compressed or not, and -f names a Dockerfile inside', async () => {
    const path = join(builds.folder, 'context.tgz');
    writeFileSync(path, execFileSync('gzip', ['-c'], { input: tar() }));
    const built = await builds.build('', { context: path, file: 'docker/Other' });
    expect(listing(built, 'COPY file /other')).toEqual(['other 644 5:6 1000']);
    expect((await builds.failure('', { context: path, file: 'nope' })).code).toBe('DOCKERFILE_MISSING');
  });

  test('come from a URL; a second build asks whether they changed', async () => {
    web.pages.set('/context.tar', { body: tar(), headers: { etag: '"1"' } });
    await builds.build('', { context: `${web.url}/context.tar`, file: 'docker/Other' });
    const again = await builds.build('', { context: `${web.url}/context.tar`, file: 'docker/Other' });
    expect(again.outcomes).toEqual({ 'COPY file /other': 'cached' });
    expect(web.log.slice(-2)).toEqual(['GET /context.tar 200', 'GET /context.tar 304']);
  });

  test('archives in them are extracted by ADD as those of folders are', async () => {
    const folder = join(builds.folder, 'archives');
    mkdirSync(join(folder, 'in'), { recursive: true });
    writeFileSync(join(folder, 'in', 'inner'), 'inner\n');
    const inner = execFileSync('tar', ['-c', '-C', join(folder, 'in'), 'inner']);
    writeFileSync(join(folder, 'plain.tar'), inner);
    writeFileSync(join(folder, 'packed'), gzipSync(inner), { mode: 0o600 });
    const steps = [
      'ADD plain.tar packed /both/',
      'ADD --unpack=false packed /kept',
      'COPY plain.tar /copied',
    ];
    writeFileSync(join(folder, 'Dockerfile'), ['FROM scratch', ...steps].join('\n'));
    const body = execFileSync('tar', ['-c', '--owner=5', '--group=6', '-C', folder, '.']);
    const paths = (built: Built) =>
      steps.map((step) =>
        [...builds.store.layers.index(built.layers[step]!).entries()].map(({ path }) => path).filter(Boolean),
      );
    const wanted = [['both', 'both/inner'], ['kept'], ['copied']];
    const named = { context: '-', file: undefined! };
    expect(paths(await builds.build('', { ...named, stdin: Readable.from([body]) }))).toEqual(wanted);
    // And when a folder has left the same in the store, or the archive is a named context.
    const dockerfile = `FROM scratch\n${steps.join('\n')}\n`;
    expect(paths(await builds.build(dockerfile, { context: folder }))).toEqual(wanted);
    expect(paths(await builds.build('', { ...named, stdin: Readable.from([body]) }))).toEqual(wanted);
  });

  test('a link in them leads nowhere outside', async () => {
    const folder = join(builds.folder, 'linked');
    mkdirSync(folder);
    symlinkSync('/etc/passwd', join(folder, 'passwd'));
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY passwd /\n');
    const body = execFileSync('tar', ['-c', '-C', folder, '.']);
    const error = await builds.failure('', { context: '-', file: undefined!, stdin: Readable.from([body]) });
    expect(error.code).toBe('COPY_SOURCE_MISSING');
  });

  test('a Dockerfile may come alone', async () => {
    const stdin = Readable.from([Buffer.from('FROM scratch\nCOPY <<a /\nx\na\n')]);
    const built = await builds.build('', { context: '-', file: undefined!, stdin });
    expect(Object.keys(built.outcomes)).toEqual(['COPY <<a /']);
    const empty = await builds.failure('', { context: '-', file: undefined!, stdin: Readable.from([]) });
    expect(empty.code).toBe('DOCKERFILE_MISSING');
  });

  test('standard input cannot be both', async () => {
    expect(await builds.failure('FROM scratch', { context: '-' })).toMatchObject({
      code: 'CONTEXT_STDIN',
      exitCode: 2,
    });
  });
});

describe('repositories as contexts', () => {
  beforeEach((ctx) => {
    if (!hasGit) ctx.skip('git is not installed');
  });

  const context = (rest = '') => ({ context: `${web.url}/git/app.git${rest}`, file: undefined! });

  test('have fixed modes and times, and no history', async () => {
    const built = await builds.build('', context());
    expect(listing(built, 'COPY . /')).toEqual([
      '.dockerignore 644 0:0 1600000000',
      'Dockerfile 644 0:0 1600000000',
      'link 777 0:0 1600000000',
      'run.sh 755 0:0 1600000000',
      'sub 755 0:0 1600000000',
      'sub/Dockerfile 644 0:0 1600000000',
      'sub/file 644 0:0 1600000000',
    ]);
  });

  test.each(['main', 'v1', 'refs/heads/main', 'commit', 'short'])(
    'a ref is a branch, a tag or a commit: %s',
    async (ref) => {
      const commit = git(repository, 'rev-parse', 'main');
      const written = ref === 'commit' ? commit : ref === 'short' ? commit.slice(0, 8) : ref;
      const built = await builds.build('', context(`#${written}:sub`));
      expect(listing(built, 'COPY . /').map((line) => line.split(' ')[0])).toEqual(['Dockerfile', 'file']);
      const { digest } = builds.store.layers.index(built.layers['COPY . /']!).get('file')!;
      expect(digest).toMatch(/^[0-9a-f]{64}$/);
    },
  );

  test('branches differ', async () => {
    const one = await builds.build('', context('#main:sub'));
    const other = await builds.build('', context('?branch=other&subdir=sub'));
    expect(one.digest).not.toBe(other.digest);
  });

  test('the Dockerfile may come from standard input', async () => {
    const built = await builds.build('FROM scratch\nCOPY sub/file /x\n', { context: context().context });
    expect(listing(built, 'COPY sub/file /x')).toEqual(['x 644 0:0 1600000000']);
  });

  test('BUILDKIT_CONTEXT_KEEP_GIT_DIR keeps the history', async () => {
    const built = await builds.build('', { ...context(), buildArgs: { BUILDKIT_CONTEXT_KEEP_GIT_DIR: '1' } });
    expect(listing(built, 'COPY . /').some((line) => line.startsWith('.git/HEAD '))).toBe(true);
  });

  test('a missing context is reported', async () => {
    expect((await builds.failure('', context('#nope'))).code).toBe('GIT_REF_UNKNOWN');
    expect((await builds.failure('', context('#main:nope'))).code).toBe('GIT_SUBDIR');
    expect((await builds.failure('', context('?ref=main&checksum=0000000'))).code).toBe('GIT_CHECKSUM');
    const error = await builds.failure('', {
      ...context(),
      context: `${web.url.replace('//', '//u:secret@')}/git/no.git`,
    });
    expect(error.code).toBe('GIT_FAILED');
    expect(error.message).not.toContain('secret');
    expect((await builds.failure('', { ...context(), env: { PATH: '/nowhere' } })).code).toBe('GIT_MISSING');
  });
});

describe('contexts by name', () => {
  test('give files to COPY --from and FROM, without those that their ignore file excludes', async () => {
    const more = join(builds.folder, 'more');
    mkdirSync(more);
    writeFileSync(join(more, 'a'), 'a\n');
    writeFileSync(join(more, 'b'), 'b\n');
    writeFileSync(join(more, '.dockerignore'), 'b\n');
    const text = 'FROM more AS base\nFROM base\nCOPY --from=more / /copy/\n';
    const built = await builds.build(text, { contexts: { more } });
    const names = (title: string) => listing(built, title).map((line) => line.split(' ')[0]);
    expect(names('FROM more')).toEqual(['.dockerignore', 'a']);
    expect(names('COPY --from=more / /copy/')).toEqual(['copy', 'copy/.dockerignore', 'copy/a']);
    expect(built.config?.config?.Env).toEqual([expect.stringMatching(/^PATH=/)]);
  });

  test('take the place of stages and of images', async () => {
    const more = join(builds.folder, 'more');
    const text =
      'FROM scratch AS gone\nCOPY nothing /\nFROM scratch\nCOPY --from=GONE a /1\nCOPY --from=0 a /2\nCOPY --from=alpine:latest a /3\n';
    const built = await builds.build(text, { contexts: { gone: more, alpine: more } });
    expect(listing(built, 'COPY --from=alpine:latest a /3')).toEqual([expect.stringMatching(/^3 644 0:0/)]);
    expect(listing(built, 'COPY --from=0 a /2')).toHaveLength(1);
  });

  test('are nothing at all, as docker-image://scratch', async () => {
    const text = 'FROM alpine AS base\nENV lost=1\nFROM base\nCOPY --from=none / /x/\nCOPY <<a /\nx\na\n';
    const scratch = 'docker-image://scratch';
    const built = await builds.build(text, { contexts: { base: scratch, none: scratch } });
    expect(built.config?.config?.Env).toEqual([expect.stringMatching(/^PATH=/)]);
    expect(listing(built, 'COPY --from=none / /x/')).toEqual([expect.stringMatching(/^x 755 0:0/)]);
  });

  test('are other images, of the store or of an OCI layout', async () => {
    await builds.build('FROM scratch\nENV made=here\nCOPY <<a /\nx\na\n', { tags: ['named:1'] });
    const text = 'FROM base-of-others\nCOPY --from=base-of-others a /b\n';
    const store = await builds.build(text, { contexts: { 'base-of-others': 'docker-image://named:1' } });
    expect(store.config?.config?.Env).toContain('made=here');
    // The store itself is an OCI layout.
    for (const which of [`@${builds.store.images.get('docker.io/library/named:1')!.manifest.digest}`, ':1']) {
      const other = await TestBuilds.create();
      const contexts = { 'base-of-others': `oci-layout://${builds.home}${which}` };
      const built = await other.build(text, { contexts });
      expect(built.blobs).toEqual(store.blobs);
      expect(built.blobs.every((blob) => other.store.blobs.has(blob as never))).toBe(true);
      other.remove();
    }
  });

  test('are repositories and archives', async (ctx) => {
    if (!hasGit) ctx.skip('git is not installed');
    const archive = join(builds.folder, 'named.tar');
    writeFileSync(archive, tar());
    const contexts = { repo: `${web.url}/git/app.git#v1`, archive, page: `${web.url}/context.tar` };
    const text =
      'FROM scratch\nCOPY --from=repo run.sh /\nCOPY --from=archive file /1\nCOPY --from=page file /2\n';
    const built = await builds.build(text, { contexts });
    expect(listing(built, 'COPY --from=archive file /1')).toEqual(['1 644 5:6 1000']);
    expect(listing(built, 'COPY --from=repo run.sh /')).toEqual(['run.sh 755 0:0 1600000000']);
  });

  test('are refused when they are nothing of the kind', async () => {
    const text = 'FROM scratch\nCOPY --from=x a /\n';
    const failing = (x: string) => builds.failure(text, { contexts: { x } }).then(({ code }) => code);
    expect(await failing('ftp://example.com/x')).toBe('CONTEXT_UNKNOWN');
    expect(await failing(join(builds.folder, 'nowhere'))).toBe('CONTEXT_MISSING');
    expect(await failing(join(builds.context, '..', 'more', 'a'))).toBe('CONTEXT_MISSING');
    expect(await failing(`oci-layout://${builds.context}`)).toBe('OCI_LAYOUT');
    expect(readFileSync(join(builds.folder, 'more', 'a'), 'utf8')).toBe('a\n');
  });
});
