import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Built, TestBuilds } from '../support/build.ts';
import { commitAll, git, hasGit, Web } from '../support/web.ts';

let builds: TestBuilds;
let web: Web;
const DATE = 'Sun, 13 Sep 2020 12:26:40 GMT';
const sum = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

beforeAll(async () => {
  builds = await TestBuilds.create();
  const work = join(builds.folder, 'work');
  mkdirSync(join(work, 'sub'), { recursive: true });
  writeFileSync(join(work, 'sub', 'f'), 'f\n');
  if (hasGit) {
    commitAll(work);
    git(builds.folder, 'clone', '-q', '--bare', 'work', 'repositories/app.git');
  }
  web = await Web.start(join(builds.folder, 'repositories'));
});
beforeEach(() => {
  web.pages.clear();
  web.log.length = 0;
});
afterAll(async () => {
  await web.close();
  builds.remove();
});

/** Of the build's last step: `path mode uid:gid mtime`. */
function listing(built: Built): string[] {
  const id = Object.values(built.layers).at(-1)!;
  return [...builds.store.layers.index(id).entries()]
    .filter(({ path }) => path !== '')
    .map(({ path, mode, uid, gid, mtime }) => `${path} ${mode.toString(8)} ${uid}:${gid} ${mtime}`);
}

const add = (rest: string) => builds.build(`FROM scratch\nADD ${rest}\n`);
const refused = async (rest: string) => (await builds.failure(`FROM scratch\nADD ${rest}\n`)).code;

describe('ADD of a URL', () => {
  test('makes a file 0600 with the time of Last-Modified, named by the path', async () => {
    web.pages.set('/dir/a%20b.txt?x=1', { body: 'text', headers: { 'last-modified': DATE } });
    expect(listing(await add(`${web.url}/dir/a%20b.txt?x=1 /to/`))).toEqual([
      'to 755 0:0 0',
      'to/a b.txt 600 0:0 1600000000',
    ]);
  });

  test('without a time has none, and without a name is unnamed', async () => {
    web.pages.set('/', { body: 'text' });
    expect(listing(await add(`${web.url}/ /to/`))).toContain('to/__unnamed__ 600 0:0 0');
  });

  test('takes --chmod and --chown', async () => {
    web.pages.set('/f', { body: 'text' });
    expect(listing(await add(`--chmod=755 --chown=3:4 ${web.url}/f /g`))).toEqual(['g 755 3:4 0']);
  });

  test('follows redirects', async () => {
    web.pages.set('/old', { body: '', status: 302, headers: { location: '/new' } });
    web.pages.set('/new', { body: 'text' });
    expect(listing(await add(`${web.url}/old /`))).toEqual(['old 600 0:0 0']);
    web.pages.set('/loop', { body: '', status: 302, headers: { location: '/loop' } });
    expect(await refused(`${web.url}/loop /`)).toBe('DOWNLOAD_FAILED');
  });

  test('asks whether it changed, where the server can say', async () => {
    web.pages.set('/etag', { body: 'one', headers: { etag: '"1"' } });
    await add(`${web.url}/etag /etag`);
    expect((await add(`${web.url}/etag /etag`)).outcomes).toEqual({
      [`ADD ${web.url}/etag /etag`]: 'cached',
    });
    web.pages.set('/etag', { body: 'two', headers: { etag: '"2"' } });
    expect((await add(`${web.url}/etag /etag`)).outcomes).toEqual({ [`ADD ${web.url}/etag /etag`]: 'done' });
    expect(web.log).toEqual(['GET /etag 200', 'GET /etag 304', 'GET /etag 200']);
  });

  test('is fetched and compared where it cannot', async () => {
    web.pages.set('/plain', { body: 'one' });
    await add(`${web.url}/plain /plain`);
    expect((await add(`${web.url}/plain /plain`)).outcomes).toEqual({
      [`ADD ${web.url}/plain /plain`]: 'cached',
    });
    expect(web.log).toEqual(['GET /plain 200', 'GET /plain 200']);
  });

  test('with a checksum is verified, and not requested again', async () => {
    web.pages.set('/sum', { body: 'sum' });
    expect(await refused(`--checksum=${sum('other')} ${web.url}/sum /`)).toBe('DIGEST_MISMATCH');
    web.log.length = 0;
    await add(`--checksum=${sum('sum')} ${web.url}/sum /sum`);
    await add(`--checksum=${sum('sum')} ${web.url}/sum /sum`);
    expect(web.log).toEqual(['GET /sum 200']);
  });

  test('extracts an archive only with --unpack', async () => {
    const body = execFileSync('tar', [
      '-cz',
      '--owner=5',
      '--group=6',
      '--mtime=@7',
      '-C',
      join(builds.folder, 'work'),
      'sub',
    ]);
    web.pages.set('/a.tgz', { body });
    expect(listing(await add(`${web.url}/a.tgz /`))).toEqual(['a.tgz 600 0:0 0']);
    expect(listing(await add(`--unpack ${web.url}/a.tgz /`))).toEqual(['sub 755 5:6 7', 'sub/f 644 5:6 7']);
  });

  test('comes in its order beside local files', async () => {
    builds.write({ one: 'local' });
    web.pages.set('/one', { body: 'remote' });
    const content = async (sources: string) => {
      const id = Object.values((await add(`${sources} /d/`)).layers).at(-1)!;
      return `sha256:${builds.store.layers.index(id).get('d/one')!.digest}`;
    };
    expect(await content(`one ${web.url}/one`)).toBe(sum('remote'));
    expect(await content(`${web.url}/one one`)).toBe(sum('local'));
  });

  test('reports an unreachable URL at its instruction', async () => {
    const error = await builds.failure(`FROM scratch\nADD ${web.url}/none /\n`);
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', location: { line: 2 } });
    expect(error.message).toContain('404');
  });

  test('reports a host that is not known', async () => {
    expect(await refused('http://unknown.invalid/f /')).toBe('DOWNLOAD_FAILED');
  });
});

describe('ADD of a repository', () => {
  beforeEach((ctx) => {
    if (!hasGit) ctx.skip('git is not installed');
  });

  test('copies its files, not its history', async () => {
    expect(listing(await add(`${web.url}/git/app.git /d`))).toEqual([
      expect.stringMatching(/^d 755 0:0 /),
      'd/sub 755 0:0 1600000000',
      'd/sub/f 644 0:0 1600000000',
    ]);
    expect(listing(await add(`${web.url}/git/app.git#main:sub /e`))).toContain('e/f 644 0:0 1600000000');
    expect((await add(`--exclude=sub ${web.url}/git/app.git /x`)).outcomes).toBeDefined();
  });

  test('is not fetched again if its commit is known', async () => {
    await add(`${web.url}/git/app.git /again`);
    web.log.length = 0;
    const again = await add(`${web.url}/git/app.git /again`);
    expect(Object.values(again.outcomes)).toEqual(['cached']);
    expect(web.log.some((line) => line.includes('info/refs'))).toBe(true);
    expect(web.log.filter((line) => line.startsWith('POST')).length).toBeLessThanOrEqual(1);
  });

  test('keeps its history with --keep-git-dir', async () => {
    const built = await add(`--keep-git-dir=true ${web.url}/git/app.git /d`);
    expect(listing(built).some((line) => line.startsWith('d/.git/HEAD'))).toBe(true);
  });

  test('has a checksum: its commit', async () => {
    const commit = git(join(builds.folder, 'work'), 'rev-parse', 'HEAD');
    await add(`--checksum=${commit} ${web.url}/git/app.git /d`);
    expect(await refused(`--checksum=${'0'.repeat(40)} ${web.url}/git/app.git /d`)).toBe('GIT_CHECKSUM');
    expect(await refused(`--checksum=main ${web.url}/git/app.git /d`)).toBe('ADD_CHECKSUM');
    expect(listing(await add(`${web.url}/git/app.git?commit=${commit.slice(0, 8)} /e`))).toHaveLength(3);
  });

  test('may be one commit, wherever its branch is', async () => {
    const commit = git(join(builds.folder, 'work'), 'rev-parse', 'HEAD');
    const query = `ref=gone&checksum=${commit}`;
    expect(await refused(`${web.url}/git/app.git?${query} /d`)).toBe('GIT_REF_UNKNOWN');
    const built = await add(`${web.url}/git/app.git?${query}&fetch-by-commit=true /d`);
    expect(listing(built)).toContain('d/sub/f 644 0:0 1600000000');
  });

  test('has the times of the moment when its URL asks for them', async () => {
    const before = Math.floor(Date.now() / 1000);
    const built = await add(`${web.url}/git/app.git?mtime=checkout /m`);
    const [file] = listing(built).filter((line) => line.startsWith('m/sub/f '));
    expect(Number(file?.split(' ').at(-1))).toBeGreaterThanOrEqual(before);
    expect(listing(await add(`${web.url}/git/app.git?mtime=commit /n`))).toContain(
      'n/sub/f 644 0:0 1600000000',
    );
  });
});
