import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdvisoryQuery } from '../../../src/advisories/advisory.ts';
import { TrivyDb } from '../../../src/advisories/sources/trivy-db.ts';
import { tempDir } from '../../support/temp-dir.ts';

const DATA = new URL('../../data/bolt/', import.meta.url);
const BOOKWORM = { id: 'debian', version: '12' };
let database: TrivyDb;

beforeAll(() => {
  const path = join(tempDir(), 'trivy.db');
  writeFileSync(path, gunzipSync(readFileSync(new URL('trivy.db.gz', DATA))));
  database = new TrivyDb(path, { location: path, updated: '2026-11-01T00:00:00Z' });
});
afterAll(() => database.close());

async function idsOf(query: AdvisoryQuery): Promise<string[]> {
  const [found] = await database.find([query]);
  return found!.map(({ id }) => id);
}

describe('advisories of trivy-db', () => {
  test('of a distribution: by source package, fixed and unfixed, its own severity before others', async () => {
    const query = { type: 'deb', name: 'openssl', version: '3.0.14-1', distribution: BOOKWORM };
    const [found] = await database.find([query]);
    expect(found).toEqual([
      expect.objectContaining({
        id: 'CVE-2024-5535',
        vulnerable: [{ to: '3.0.15-1~deb12u1' }],
        fixedIn: ['3.0.15-1~deb12u1'],
        status: 'fixed',
        severity: 'low',
        severityBy: 'debian',
        publisher: 'Debian Security Tracker',
        cvss: [{ by: 'nvd', vector: expect.stringContaining('CVSS:3.1/'), score: 9.1 }],
      }),
      expect.objectContaining({ id: 'CVE-2025-27587', fixedIn: [], status: 'affected', severity: 'low' }),
    ]);
    const [zlib] = await database.find([{ ...query, name: 'zlib' }]);
    expect(zlib).toEqual([
      expect.objectContaining({ status: 'will-not-fix', severity: 'low', vulnerable: [{}] }),
    ]);
  });

  test('of a language: ranges, other ids, one fixed version a branch', async () => {
    const [found] = await database.find([{ type: 'npm', name: 'minimist', version: '1.2.5' }]);
    expect(found).toEqual([
      expect.objectContaining({
        id: 'CVE-2021-44906',
        aliases: ['GHSA-xvch-5gv4-984h'],
        vulnerable: [{ from: '1.0.0', to: '1.2.6' }, { to: '0.2.4' }],
        fixedIn: ['1.2.6', '0.2.4'],
        severity: 'critical',
        severityBy: 'ghsa',
      }),
    ]);
  });

  test.each<[AdvisoryQuery, string[]]>([
    [
      { type: 'apk', name: 'openssl', version: '3', distribution: { id: 'alpine', version: '3.20.3' } },
      ['CVE-2024-5535'],
    ],
    [{ type: 'pypi', name: 'Jinja2', version: '3.0' }, ['CVE-2024-22195']],
    [{ type: 'golang', name: 'golang.org/x/net', version: 'v0.1.0' }, ['CVE-2023-39325']],
    [{ type: 'maven', name: 'org.apache.logging.log4j:log4j-core', version: '2.14.1' }, ['CVE-2021-44228']],
    [{ type: 'npm', name: 'left-pad', version: '1.0.0' }, []],
    [{ type: 'deb', name: 'openssl', version: '3', distribution: { id: 'debian', version: '99' } }, []],
  ])('%j: %j', async (query, ids) => {
    expect(await idsOf(query)).toEqual(ids);
  });

  test('an ecosystem without a table is not covered', () => {
    const covered = (query: Partial<AdvisoryQuery>) =>
      database.covers({ type: 'deb', name: 'x', version: '1', ...query });
    expect(covered({ distribution: BOOKWORM })).toBe(true);
    expect(covered({ distribution: { id: 'debian', version: '99' } })).toBe(false);
    expect(covered({})).toBe(false);
    expect(covered({ type: 'npm' })).toBe(true);
    expect(covered({ type: 'generic' })).toBe(false);
  });
});
