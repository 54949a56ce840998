import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildDatabase } from '../../../src/advisories/build-database.ts';
import { SortedLines } from '../../../src/advisories/sorted-lines.ts';
import { OwnLines } from '../../../src/advisories/sources/own-lines.ts';
import { isWithin } from '../../../src/versions/interval.ts';
import { ORDERS } from '../../../src/versions/orders.ts';
import { tempDir } from '../../support/temp-dir.ts';

const LODASH = {
  id: 'GHSA-35jh-r3h4-6jhm',
  modified: '2026-01-02T03:04:05Z',
  aliases: ['CVE-2021-23337'],
  summary: 'Command Injection in lodash',
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H' }],
  affected: [
    {
      package: { ecosystem: 'npm', name: 'lodash' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '4.17.21' }] }],
    },
  ],
};
const OPENSSL = {
  id: 'DEBIAN-CVE-2024-5535',
  upstream: ['CVE-2024-5535'],
  affected: [
    {
      package: { ecosystem: 'Debian:12', name: 'openssl' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '3.0.15-1~deb12u1' }] }],
      ecosystem_specific: { urgency: 'not yet assigned' },
    },
    { package: { ecosystem: 'Alpine:v3.20', name: 'openssl' }, versions: ['3.3.0-r0'] },
  ],
};
const MALWARE = {
  id: 'MAL-2025-1',
  affected: [
    {
      package: { ecosystem: 'npm', name: 'evil' },
      ranges: [
        {
          type: 'SEMVER',
          events: [{ introduced: '1.0.0' }, { last_affected: '1.0.2' }, { introduced: '2.0.0' }],
        },
      ],
    },
  ],
};
/** An entry of Node's own index, from public facts. */
const CORE = {
  150: {
    cve: ['CVE-2024-22019'],
    vulnerable: '18.x || 20.x || 21.x',
    patched: '^18.19.1 || ^20.11.1 || ^21.6.2',
    ref: 'https://nodejs.org/en/blog/vulnerability/february-2024-security-releases/',
    description: 'Reading unprocessed HTTP request with unbounded chunk extension allows DoS attacks',
    severity: 'high',
  },
};

function databaseOf(...files: object[]): { path: string; built: ReturnType<typeof buildDatabase> } {
  const folder = tempDir();
  mkdirSync(join(folder, 'in'));
  for (const [at, value] of files.entries()) {
    writeFileSync(join(folder, 'in', `${at}.json`), JSON.stringify(value));
  }
  const path = join(folder, 'out.lines');
  return { path, built: buildDatabase([join(folder, 'in')], path) };
}

describe('a database of OSV records', () => {
  const { path, built } = databaseOf(LODASH, OPENSSL, MALWARE, CORE, {
    ...LODASH,
    id: 'GHSA-gone',
    withdrawn: 'now',
  });
  const source = new OwnLines(path, { location: 'here' });
  const find = async (type: string, name: string, distribution?: { id: string; version: string }) => {
    const [found] = await source.find([{ type, name, version: '1', ...(distribution && { distribution }) }]);
    return found!;
  };

  test('says what went into it', () => {
    expect(built).toEqual({
      records: 4,
      packages: 5,
      scopes: ['apk alpine 3.20', 'deb debian 12', 'generic', 'npm'],
      updated: '2026-01-02T03:04:05.000Z',
    });
  });

  test('answers by package, with the CVE first, severity by score, and the fixed version', async () => {
    expect(await find('npm', 'lodash')).toEqual([
      expect.objectContaining({
        id: 'CVE-2021-23337',
        aliases: ['GHSA-35jh-r3h4-6jhm'],
        vulnerable: [{ to: '4.17.21' }],
        fixedIn: ['4.17.21'],
        severity: 'high',
        cvss: [expect.objectContaining({ score: 7.2 })],
      }),
    ]);
    expect(await find('npm', 'lodas')).toEqual([]);
  });

  test('distinguishes releases of distributions', async () => {
    expect((await find('deb', 'openssl', { id: 'debian', version: '12' })).map(({ id }) => id)).toEqual([
      'CVE-2024-5535',
    ]);
    expect(
      (await find('apk', 'openssl', { id: 'alpine', version: '3.20.3' })).map(({ vulnerable }) => vulnerable),
    ).toEqual([[{ from: '3.3.0-r0', to: '3.3.0-r0', toIncluded: true }]]);
    const query = {
      type: 'deb',
      name: 'openssl',
      version: '1',
      distribution: { id: 'debian', version: '11' },
    };
    expect([source.covers(query), await find('deb', 'openssl', query.distribution)]).toEqual([false, []]);
  });

  test('keeps ranges that end with the last version that has it', async () => {
    const [{ vulnerable, severity }] = (await find('npm', 'evil')) as [
      Awaited<ReturnType<typeof find>>[number],
    ];
    const has = ['0.9.0', '1.0.0', '1.0.2', '1.0.3', '2.5.0'].filter((version) =>
      isWithin(version, vulnerable, ORDERS.npm),
    );
    expect([has, severity]).toEqual([['1.0.0', '1.0.2', '2.5.0'], 'critical']);
  });

  test("knows Node itself, from Node's own index", async () => {
    const [{ vulnerable, safe, severity }] = (await find('generic', 'node')) as [
      Awaited<ReturnType<typeof find>>[number],
    ];
    const has = ['18.19.0', '18.19.1', '20.10.0', '20.20.2', '21.6.1', '22.0.0'].filter(
      (version) => isWithin(version, vulnerable, ORDERS.generic) && !isWithin(version, safe, ORDERS.generic),
    );
    expect([has, severity]).toEqual([['18.19.0', '20.10.0', '21.6.1'], 'high']);
  });

  test('is the same file for the same records', () => {
    const again = databaseOf(MALWARE, CORE, OPENSSL, LODASH).path;
    expect(readFileSync(again)).toEqual(readFileSync(path));
  });

  test.each([[{}], [[]], [{ id: 1 }], [{ id: 'x', affected: 'y' }], [{ id: 'x', affected: [null] }]])(
    'records of another shape are none: %j',
    (value) => {
      expect(() => databaseOf(value)).toThrow(expect.objectContaining({ code: 'ADVISORIES_INVALID' }));
    },
  );

  test('names a file that is not JSON', () => {
    const file = join(tempDir(), 'x.json');
    writeFileSync(file, '{');
    const out = join(tempDir(), 'out');
    expect(() => buildDatabase([file], out)).toThrow(/x\.json is not JSON/);
    expect(existsSync(out)).toBe(false);
  });
});

describe('what is known of attacks', () => {
  const folder = tempDir();
  const write = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const records = write('records.json', JSON.stringify([LODASH, OPENSSL]));
  const catalogue = write(
    'known_exploited_vulnerabilities.json',
    JSON.stringify({
      ...{ title: 'CISA Catalog', catalogVersion: '2026.11.01', count: 2 },
      vulnerabilities: [{ cveID: 'CVE-2021-23337', vendorProject: 'x' }, { cveID: 'CVE-2000-0001' }, null],
    }),
  );
  const table =
    '#model_version:v2025.03.14,score_date:2026-11-01T00:00:00+0000\ncve,epss,percentile\n' +
    'CVE-2021-23337,0.97112,0.99\nCVE-2024-5535,0.004,0.5\nCVE-2024-5536,2,0.5\n';

  test.each([
    ['epss_scores.csv', table],
    ['epss_scores.csv.gz', gzipSync(table)],
  ])("CISA's catalogue and %s are added to the flaws that they name", async (name, content) => {
    const path = join(tempDir(), 'out.lines');
    const built = buildDatabase([write(name, content), catalogue, records], path);
    expect(built).toMatchObject({ records: 2, packages: 3 });
    const source = new OwnLines(path, { location: 'here' });
    const distribution = { id: 'debian', version: '12' };
    const found = await source.find([
      { type: 'npm', name: 'lodash', version: '1' },
      { type: 'deb', name: 'openssl', version: '1', distribution },
    ]);
    expect(found.flat().map(({ id, exploited, epss }) => [id, exploited, epss])).toEqual([
      ['CVE-2021-23337', true, 0.97112],
      ['CVE-2024-5535', undefined, 0.004],
    ]);
  });

  test.each([
    ['x.csv', 'a,b\n1,2\n', /is not a table of EPSS/],
    ['x.csv.gz', 'not packed', /cannot be unpacked/],
  ])('%s that is not one is refused', (name, content, message) => {
    const path = join(tempDir(), 'out.lines');
    expect(() => buildDatabase([records, write(name, content)], path)).toThrow(message);
    expect(existsSync(path)).toBe(false);
  });
});

test('sorted lines: every key is found, and no other', () => {
  const keys = fc.uniqueArray(
    fc.string({ maxLength: 12 }).filter((key) => !/[\t\n]/.test(key)),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(keys, fc.string({ maxLength: 12 }), fc.nat(200_000), (all, other, size) => {
      const path = join(tempDir(), 'lines');
      const sorted = all.map((key) => Buffer.from(key)).sort(Buffer.compare);
      writeFileSync(
        path,
        sorted.map((key) => `${key}\t${key}:${'x'.repeat(size % 3 === 0 ? size : 5)}\n`).join(''),
      );
      const lines = new SortedLines(path);
      for (const key of sorted)
        expect(lines.get(key.toString())?.toString().startsWith(`${key}:`)).toBe(true);
      if (!all.includes(other)) expect(lines.get(other)).toBeUndefined();
      lines.close();
    }),
    { numRuns: 60 },
  );
});
