import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestBuilds } from '../support/build.ts';
import { buildPair, type Side, saidIn } from '../support/causes.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { git, hasGit, Web } from '../support/web.ts';

const edit = { files: { 'src/a.ts': 'aaaaaa' } };
const A = 'src/a.ts changed (4B → 6B)';

let web: Web;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jettison-remotes-'));
  web = await Web.start(folder);
});
beforeEach(() => web.pages.clear());
afterAll(async () => {
  await web.close();
  rmSync(folder, { recursive: true });
});

const because = async (sides: Side[], runs?: true) =>
  saidIn(await buildPair({ name: '', sides, because: [], ...(runs && { runs }) })).because;
/** Sets the content of a page. */
const page = (path: string, body: string, etag = body) => ({
  act: () => {
    web.pages.set(path, { body, headers: { etag: `"${etag}"` } });
  },
});

describe('a build says why a step with a URL is carried out', () => {
  it('the content of the URL changed', async () => {
    const dockerfile = ['FROM scratch', `ADD ${web.url}/x /x`];
    expect(await because([{ dockerfile, ...page('/x', 'one') }, page('/x', 'two')])).toEqual([
      `${web.url}/x changed`,
    ]);
  });

  it('only its validator changed', async () => {
    const dockerfile = ['FROM scratch', `ADD ${web.url}/x /x`];
    expect(await because([{ dockerfile, ...page('/x', 'one') }, page('/x', 'one', 'new')])).toEqual([]);
  });

  it('one of two URLs changed', async () => {
    const dockerfile = ['FROM scratch', `ADD ${web.url}/x ${web.url}/y /to/`];
    web.pages.set('/x', { body: 'x' });
    expect(await because([{ dockerfile, ...page('/y', 'one') }, page('/y', 'two')])).toEqual([
      `${web.url}/y changed`,
    ]);
  });

  it('a file beside the URL changed', async () => {
    const dockerfile = ['FROM scratch', `ADD ${web.url}/x src/a.ts /to/`];
    expect(await because([{ dockerfile, ...page('/x', 'one') }, edit])).toEqual([A]);
  });

  it('the URL and another step changed', async () => {
    const dockerfile = ['FROM scratch', `ADD ${web.url}/x /x`, 'COPY src /src'];
    expect(
      await because([
        { dockerfile, ...page('/x', 'one') },
        { ...page('/x', 'two'), ...edit },
      ]),
    ).toEqual([`${web.url}/x changed`, A]);
  });

  it.skipIf(!hasGit)('the branch of a repository moved, and what is copied of it changed', async () => {
    const work = join(folder, 'app');
    mkdirSync(join(work, 'sub'), { recursive: true });
    const commit = (path: string, content: string) => {
      writeFileSync(join(work, path), content);
      git(work, 'add', '-A');
      git(work, 'commit', '-q', '-m', content);
    };
    git(work, 'init', '-q', '-b', 'main');
    commit('sub/f', 'one');
    const url = `${web.url}/git/app/.git`;
    const dockerfile = ['FROM scratch', `ADD ${url}#main:sub /sub`];
    expect(await because([{ dockerfile }, { act: () => commit('sub/f', 'two') }])).toEqual([
      `${url} changed`,
    ]);
    expect(await because([{ dockerfile }, { act: () => commit('other', 'three') }])).toEqual([]);
  });
});

describe.skipIf(whyNoSandbox())('a build says why a layer comes from elsewhere', () => {
  it('of another machine: what differs from the layer of this one', async () => {
    const cache = { type: 'local' as const, path: join(folder, 'cache') };
    const dockerfile = ['FROM base', 'COPY src /src', 'RUN ls /src >/list'];
    const cacheTo = [{ ...cache, mode: 'max' as const }];
    expect(await because([{ dockerfile, ...edit, options: { cacheTo } }], true)).toEqual([
      'first build on record',
    ]);
    const events = await buildPair({
      ...{ name: '', runs: true, because: [] },
      sides: [{ dockerfile }, { ...edit, options: { cacheFrom: [cache] } }],
    });
    expect(saidIn(events)).toEqual({ because: [A], follow: 1 });
    const outcomes = events.flatMap((event) => (event.type === 'step.finished' ? event.outcome : []));
    expect(new Set(outcomes)).toEqual(new Set(['cached']));
  });

  it('of this machine, with another isolation: the layer is used, and nothing runs', async () => {
    const dockerfile = [
      ...['FROM base AS build', 'RUN echo x >/x', 'RUN cat /x >/y'],
      ...['FROM base', 'COPY --from=build /y /y'],
    ];
    const sides: Side[] = [
      { dockerfile, options: { isolation: 'namespaces' } },
      { options: { isolation: 'chroot' } },
    ];
    expect(await because(sides, true)).toEqual([]);
  });
});

describe('a step that is reused', () => {
  it('is compared with the most similar earlier build, when branches alternate', async () => {
    const builds = await TestBuilds.create();
    try {
      builds.write({ Dockerfile: 'FROM scratch\nCOPY p /p\nCOPY q /q\nCOPY b /b\n', b: 'b' });
      const made = async (p: string, q: string) => {
        builds.write({ p, q });
        const { code, err } = await builds.run(['build', builds.context, '--progress=quiet']);
        expect([code, err]).toEqual([0, expect.any(String)]);
      };
      await made('p', 'q');
      await made('pp', 'qq');
      await made('ppp', 'q');
      const { out } = await builds.run(['why-ran', 'COPY b']);
      expect(out).toContain('nothing it reads changed, although below it\n    p changed (1B → 3B)\n');
      expect(out).not.toContain('q changed');
    } finally {
      builds.remove();
    }
  });
});
