import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { command as scan } from '../../src/cli/commands/scan.ts';
import type { ScanDocument } from '../../src/scan/scan-json.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeLayer, runCommand } from '../support/images.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Asked {
  path: string;
  authorization: string | undefined;
  body: Record<string, unknown>;
}
type Answer = (asked: Asked) => { status?: number; body?: unknown } | undefined;

/** A server of JSON on the loopback interface, which remembers what it was asked. */
class JsonServer {
  readonly asked: Asked[] = [];
  answer: Answer = () => undefined;
  readonly #server = createServer((request, response) => {
    void this.#read(request).then((asked) => {
      this.asked.push(asked);
      const { status = 200, body } = this.answer(asked) ?? { status: 404 };
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? {}));
    });
  });
  url = '';

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #read(request: IncomingMessage): Promise<Asked> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const { url = '', headers } = request;
    return { path: url, authorization: headers.authorization, body: text === '' ? {} : JSON.parse(text) };
  }
}

const home = tempDir();
let main: JsonServer;
let scoped: JsonServer;
beforeAll(async () => {
  main = await new JsonServer().start();
  scoped = await new JsonServer().start();
  const store = openStore({ home });
  const packages = { lodash: '4.17.20', '@own/thing': '1.0.0', safe: '1.0.0' };
  await makeImage(store, {
    name: 'app',
    layers: [
      makeLayer(
        store,
        Object.fromEntries([
          ...Object.entries(packages).map(([name, version]) => [
            `app/node_modules/${name}/package.json`,
            JSON.stringify({ name, version }),
          ]),
          ['etc/os-release', 'ID=debian\nVERSION_ID="12"\n'],
          [
            'var/lib/dpkg/status',
            'Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.14-1~deb12u2\n',
          ],
        ]),
      ),
    ],
  });
  store.close();
});
afterAll(() => {
  main.close();
  scoped.close();
});
beforeEach(() => {
  main.asked.length = 0;
  scoped.asked.length = 0;
});

const ids = ({ findings }: ScanDocument) => findings.map(({ id, package: one }) => [id, one.name]);

describe('--db npm', () => {
  const lodash = {
    ...{ id: 1106913, url: 'https://github.com/advisories/GHSA-35jh-r3h4-6jhm', severity: 'high' },
    ...{ title: 'Command Injection in lodash', vulnerable_versions: '<4.17.21', cwe: ['CWE-77'] },
    cvss: { score: 7.2, vectorString: 'CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H' },
  };
  const inProject = async (npmrc: string[]) => {
    const cwd = tempDir();
    mkdirSync(join(cwd, 'project'));
    writeFileSync(join(cwd, 'project/package.json'), '{}');
    writeFileSync(join(cwd, 'project/.npmrc'), npmrc.join('\n'));
    return runCommand(scan, ['--json', '--db', 'npm', 'app'], { home, cwd: join(cwd, 'project') });
  };
  const bulk = '/-/npm/v1/security/advisories/bulk';

  test('fails with a hint where a server does not speak TLS', async () => {
    const { error } = await inProject([`registry=${main.url.replace('http:', 'https:')}/`]);
    expect(error).toMatchObject({ code: 'ADVISORIES_UNAVAILABLE' });
  });

  test('asks the registry of .npmrc for all packages at once', async () => {
    main.answer = () => ({ body: { lodash: [lodash] } });
    const { stdout, error } = await inProject([`registry=${main.url}/team/`]);
    expect(error).toBeUndefined();
    const said = JSON.parse(stdout) as ScanDocument;
    expect(said.findings).toMatchObject([
      {
        id: 'GHSA-35jh-r3h4-6jhm',
        severity: 'high',
        fixedIn: '4.17.21',
        cwes: ['CWE-77'],
        cvss: [{ score: 7.2 }],
      },
    ]);
    expect(main.asked).toEqual([
      {
        ...{ path: `/team${bulk}`, authorization: undefined },
        body: { '@own/thing': ['1.0.0'], lodash: ['4.17.20'], safe: ['1.0.0'] },
      },
    ]);
    expect(said.packages.notScanned).toMatchObject([{ name: 'libssl3' }]);
  });

  test('a scope has a registry of its own; each token goes to its own registry only', async () => {
    main.answer = () => ({ body: {} });
    scoped.answer = () => ({ body: { '@own/thing': [{ ...lodash, vulnerable_versions: '*', url: '' }] } });
    const { stdout } = await inProject([
      `registry=${main.url}`,
      `@own:registry=${scoped.url}/npm/`,
      `//${new URL(main.url).host}/:_authToken=main-token`,
      `//${new URL(scoped.url).host}/npm/:_auth=c2NvcGVk`,
    ]);
    expect(ids(JSON.parse(stdout))).toEqual([['npm:1106913', '@own/thing']]);
    expect(main.asked).toMatchObject([{ authorization: 'Bearer main-token' }]);
    expect(Object.keys(main.asked[0]!.body)).toEqual(['lodash', 'safe']);
    expect(scoped.asked).toMatchObject([{ path: `/npm${bulk}`, authorization: 'Basic c2NvcGVk' }]);
  });

  test('a token of another path or host is not sent', async () => {
    main.answer = () => ({ body: {} });
    const { host } = new URL(main.url);
    await inProject([
      `registry=${main.url}/a/`,
      `//${host}/b/:_authToken=other-path`,
      `//${new URL(scoped.url).host}/:_authToken=other-host`,
    ]);
    expect(main.asked).toMatchObject([{ path: `/a${bulk}`, authorization: undefined }]);
  });

  test("packages of a scope's registry without advisories are not scanned, and that is said", async () => {
    main.answer = () => ({ body: {} });
    scoped.answer = () => ({ status: 404 });
    const { stdout, stderr } = await inProject([`registry=${main.url}`, `@own:registry=${scoped.url}`]);
    const { packages } = JSON.parse(stdout) as ScanDocument;
    expect(packages.notScanned.map(({ name }) => name).sort()).toEqual(['@own/thing', 'libssl3']);
    expect(packages.scanned).toBe(2);
    expect(stderr).toContain('it answers 404');
  });

  test.each<[string, Answer]>([
    ['refuses', () => ({ status: 403 })],
    ['redirects', () => ({ status: 307 })],
  ])('a registry that %s is an error, not a clean image', async (_, answer) => {
    main.answer = answer;
    const { code, error } = await inProject([`registry=${main.url}`]);
    expect({ code, error: error?.code }).toEqual({ code: 1, error: 'ADVISORIES_UNAVAILABLE' });
  });

  test('plain http to another machine is refused before anything is sent', async () => {
    const { error } = await inProject(['registry=http://registry.example.com/']);
    expect(error?.message).toContain('plain http');
  });
});

describe('--db osv', () => {
  const records: Record<string, object> = {
    'GHSA-35jh-r3h4-6jhm': {
      ...{ id: 'GHSA-35jh-r3h4-6jhm', aliases: ['CVE-2021-23337'] },
      affected: [
        {
          package: { ecosystem: 'npm', name: 'lodash' },
          ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '4.17.21' }] }],
        },
      ],
    },
    'DEBIAN-CVE-2024-5535': {
      ...{ id: 'DEBIAN-CVE-2024-5535', upstream: ['CVE-2024-5535'] },
      affected: [
        {
          package: { ecosystem: 'Debian:12', name: 'openssl' },
          ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '3.0.15-1~deb12u1' }] }],
        },
      ],
    },
  };
  const osv: Answer = ({ path, body }) => {
    if (path !== '/v1/querybatch') return { body: records[path.replace('/v1/vulns/', '')] };
    const queries = body['queries'] as {
      package: { name: string; ecosystem: string };
      page_token?: string;
    }[];
    return {
      body: {
        results: queries.map(({ package: { name, ecosystem }, page_token: page }) => {
          // lodash is on the second page.
          if (name === 'lodash')
            return page === undefined ? { next_page_token: '2' } : { vulns: [{ id: 'GHSA-35jh-r3h4-6jhm' }] };
          return ecosystem === 'Debian:12' ? { vulns: [{ id: 'DEBIAN-CVE-2024-5535' }] } : {};
        }),
      },
    };
  };
  const run = () => runCommand(scan, ['--json', '--db', `osv=${main.url}`, 'app'], { home });

  test('asks for all packages, page by page, and for each record once', async () => {
    main.answer = osv;
    const { stdout, error } = await run();
    expect(error).toBeUndefined();
    expect(ids(JSON.parse(stdout)).sort()).toEqual([
      ['CVE-2021-23337', 'lodash'],
      ['CVE-2024-5535', 'libssl3'],
    ]);
    const paths = main.asked.map(({ path }) => path);
    expect(paths.filter((path) => path === '/v1/querybatch')).toHaveLength(2);
    expect(paths).toHaveLength(4);
    expect(main.asked[1]!.body['queries']).toEqual([
      { package: { ecosystem: 'npm', name: 'lodash' }, version: '4.17.20', page_token: '2' },
    ]);
  });

  test.each<[string, Answer]>([
    [
      'has another page for ever',
      ({ body }) => ({ body: { results: (body['queries'] as []).map(() => ({ next_page_token: 'x' })) } }),
    ],
    ['answers fewer queries', () => ({ body: { results: [] } })],
    ['answers something else', () => ({ body: 'hello' })],
  ])('a server that %s is an error', async (_, answer) => {
    main.answer = answer;
    expect((await run()).error?.code).toBe('ADVISORIES_UNAVAILABLE');
    expect(main.asked.length).toBeLessThan(150);
  });
});

test('--offline and a server contradict each other', async () => {
  const { error } = await runCommand(scan, ['--db', 'osv', '--offline', 'app'], { home });
  expect(error).toMatchObject({ code: 'DATABASE_MISSING', exitCode: 2 });
});
