import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBuilds } from '../support/build.ts';
import { commitAll, git, hasGit, Web } from '../support/web.ts';

const MODIFIED = 1_500_000_000;
const NEWEST = 1_600_000_001;

let builds: TestBuilds;
let server: Server;
let url: string;
let archive: Buffer;

beforeAll(async () => {
  builds = await TestBuilds.create({});
  const make = ['touch -d @1600000000 old', `touch -d @${NEWEST} new`, 'mkdir -p d', 'tar cf ../a.tar .'];
  execFileSync('sh', [
    '-eu',
    '-c',
    `mkdir -p ${builds.context}/t && cd ${builds.context}/t && ${make.join(' && ')}`,
  ]);
  archive = execFileSync('cat', [join(builds.context, 'a.tar')]);
  server = createServer(({ url: path = '' }, response) => {
    if (path.includes('dated')) response.setHeader('last-modified', new Date(MODIFIED * 1000).toUTCString());
    response.end(path.includes('tar') ? archive : 'text');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server?.close(resolve));
  builds?.remove();
});

const STAGE = 'ARG SOURCE_DATE_EPOCH\nENV EPOCH="$SOURCE_DATE_EPOCH"\n';

/** What the image's config says it was made at, and what an ARG of the target saw. */
async function dates(text: string, options: Parameters<TestBuilds['build']>[1] = {}) {
  const { config } = await builds.build(text, options);
  const created = config.created === undefined ? undefined : Date.parse(config.created) / 1000;
  return { created, seen: config.config?.Env?.find((pair) => pair.startsWith('EPOCH='))?.slice(6) };
}

const at = (seconds: number) => ({ created: seconds, seen: String(seconds) });

describe('SOURCE_DATE_EPOCH', () => {
  it('is the default of an ARG before the first FROM, unless it is given', async () => {
    const text = `ARG YEAR=1000000000\nARG SOURCE_DATE_EPOCH=\${YEAR}\nFROM scratch\n${STAGE}`;
    expect(await dates(text)).toEqual(at(1_000_000_000));
    const buildArgs = { SOURCE_DATE_EPOCH: '1700000000' };
    expect(await dates(text, { buildArgs })).toEqual(at(1_700_000_000));
    expect((await dates(text, { buildArgs: { SOURCE_DATE_EPOCH: '' } })).seen).toBe('');
  });

  it.each([
    ['/dated.txt', MODIFIED],
    ['/dated.tar', MODIFIED],
    ['/plain.tar', NEWEST],
  ])('is the time of what a stage fetches: %s', async (path, seconds) => {
    const text = `ARG SOURCE_DATE_EPOCH=Src\nFROM scratch AS src\nARG P=${path}\nADD ${url}$P /\nFROM scratch\n${STAGE}`;
    expect(await dates(text)).toEqual(at(seconds));
  });

  it('is the time of a commit', async (ctx) => {
    if (!hasGit) ctx.skip('git is not installed');
    const work = join(builds.folder, 'work');
    mkdirSync(work);
    writeFileSync(join(work, 'a'), 'a');
    commitAll(work);
    git(builds.folder, 'clone', '-q', '--bare', 'work', 'repositories/app.git');
    const commit = Number(git(work, 'log', '-1', '--format=%ct'));
    const web = await Web.start(join(builds.folder, 'repositories'));
    try {
      const repository = `${web.url}/git/app.git`;
      const text = `ARG SOURCE_DATE_EPOCH=src\nFROM scratch AS src\nADD ${repository}#main /\nFROM scratch\n${STAGE}`;
      expect(await dates(text)).toEqual(at(commit));
      const named = `ARG SOURCE_DATE_EPOCH=src\nFROM scratch\n${STAGE}`;
      expect(await dates(named, { contexts: { src: repository } })).toEqual(at(commit));
    } finally {
      await web.close();
    }
  });

  it('is the time of the newest file of a named context, and nothing for a directory', async () => {
    const text = `ARG SOURCE_DATE_EPOCH=src\nFROM scratch\n${STAGE}`;
    expect(await dates(text, { contexts: { src: join(builds.context, 'a.tar') } })).toEqual(at(NEWEST));
    expect((await dates(text, { contexts: { src: builds.context } })).seen).toBe('');
    const buildArgs = { SOURCE_DATE_EPOCH: 'context' };
    expect((await dates(`FROM scratch\n${STAGE}`, { buildArgs })).seen).toBe('');
  });

  it.each([
    ['nonsense', 'FROM scratch AS src\n', 'SOURCE_DATE_EPOCH_INVALID', 1],
    ['-1', 'FROM scratch AS src\n', 'SOURCE_DATE_EPOCH_INVALID', 1],
    ['src', 'FROM scratch AS src\nCOPY a /\n', 'SOURCE_DATE_EPOCH_STAGE', 2],
    ['src', 'FROM scratch AS src\n', 'SOURCE_DATE_EPOCH_STAGE', 2],
    ['src', 'FROM scratch AS src\nADD a.tar /\n', 'SOURCE_DATE_EPOCH_STAGE', 2],
    ['src', 'FROM scratch AS src\nADD http://x/a http://x/b /\n', 'SOURCE_DATE_EPOCH_STAGE', 2],
    ['src', 'FROM scratch AS src\nADD http://x/a /\nADD http://x/b /\n', 'SOURCE_DATE_EPOCH_STAGE', 2],
    ['src', 'FROM base AS src\nADD http://x/a /\n', 'SOURCE_DATE_EPOCH_STAGE', 2],
  ])('%s is refused with %j', async (value, stage, code, line) => {
    const error = await builds.failure(`ARG SOURCE_DATE_EPOCH=${value}\n${stage}FROM scratch\n`);
    expect(error).toMatchObject({ code, location: { line } });
  });
});
