import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { command as scan } from '../../src/cli/commands/scan.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeLayer, makeTar, runCommand } from '../support/images.ts';
import { tempDir } from '../support/temp-dir.ts';
import { Web } from '../support/web.ts';

const DIST = '/debian/dists/bookworm';
const LOG = '/changelogs/main/o/openssl/openssl_3.0.15-1~deb12u1_changelog';
const PACKAGES = gzipSync(
  [
    'Package: libssl3\nSource: openssl\nArchitecture: amd64\nVersion: 3.0.15-1~deb12u1',
    'Package: openssl\nArchitecture: amd64\nVersion: 3.0.15-1~deb12u1',
    'Package: zlib1g\nSource: zlib\nArchitecture: amd64\nVersion: 1:1.2.13.dfsg-1\n',
  ].join('\n\n'),
);
const CHANGELOG = [
  'openssl (3.0.15-1~deb12u1) bookworm; urgency=medium\n\n  * CVE-2024-6119\n  * CVE-2024-5535\n',
  'openssl (3.0.14-1~deb12u2) bookworm-security; urgency=medium\n\n  * CVE-2024-4741\n',
].join('\n');
const STATUS = [
  ['libssl3', 'Source: openssl\nVersion: 3.0.14-1~deb12u2'],
  ['openssl', 'Version: 3.0.14-1~deb12u2'],
  ['zlib1g', 'Source: zlib\nVersion: 1:1.2.13.dfsg-1'],
  ['local-tool', 'Version: 1.0'],
]
  .map(([name, rest]) => `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\n${rest}\n`)
  .join('\n');

const hasGpg = spawnSync('gpg', ['--version']).status === 0 && spawnSync('gpgv', ['--version']).status === 0;
const home = tempDir();
let web: Web;
let keyHome: string;

function gpg(...args: string[]): Buffer {
  return execFileSync('gpg', ['--homedir', keyHome, '--batch', '--quiet', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** A signed index of the suite, as a mirror has it. */
function serveDebian(packages = PACKAGES): void {
  const digest = createHash('sha256').update(packages).digest('hex');
  const release = [
    `Origin: Test\nSuite: stable\nDate: ${new Date().toUTCString()}`,
    `Changelogs: ${web.url}/changelogs/@CHANGEPATH@_changelog`,
    `SHA256:\n ${digest} ${packages.length} main/binary-amd64/Packages.gz\n`,
  ].join('\n');
  const file = join(keyHome, 'Release');
  writeFileSync(file, release);
  const signed = hasGpg
    ? gpg('--clear-sign', '--output', '-', file)
    : `-----BEGIN PGP SIGNED MESSAGE-----\n\n${release}\n-----BEGIN PGP SIGNATURE-----\n`;
  web.pages.set(`${DIST}/InRelease`, { body: signed });
  web.pages.set(`${DIST}/main/binary-amd64/Packages.gz`, { body: packages });
  web.pages.set(LOG, { body: CHANGELOG });
}

beforeAll(async () => {
  web = await Web.start();
  keyHome = join(tempDir(), 'keys');
  mkdirSync(keyHome, { mode: 0o700 });
  let key = '';
  if (hasGpg) {
    gpg('--passphrase', '', '--quick-generate-key', 'test <a@example.com>', 'rsa2048', 'sign', 'never');
    key = gpg('--armor', '--export').toString();
  }
  const store = openStore({ home });
  const config = { architecture: 'amd64' };
  const base = {
    'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
    'var/lib/dpkg/status': STATUS,
    ...(hasGpg && { 'usr/share/keyrings/test.asc': key }),
  };
  const sources = {
    'etc/apt/sources.list.d/debian.sources': `Types: deb\nURIs: http://deb.example.com/debian\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/test.asc\n`,
  };
  await makeImage(store, {
    name: 'app',
    config,
    layers: [makeLayer(store, base), makeLayer(store, sources)],
  });
  await makeImage(store, { name: 'no-sources', config, layers: [makeLayer(store, base)] });
  await makeImage(store, { name: 'scratch', config, layers: [makeLayer(store, { 'app/index.js': '1' })] });
  await makeImage(store, {
    name: 'alpine',
    config,
    layers: [
      makeLayer(store, {
        'etc/os-release': 'ID=alpine\nVERSION_ID=3.22.0\n',
        'lib/apk/db/installed': 'P:busybox\nV:1.37.0-r18\nA:x86_64\n\nP:zlib\nV:1.3.1-r1\nA:x86_64\n\n',
        'etc/apk/repositories': 'http://deb.example.com/alpine/v3.22/main\n',
      }),
    ],
  });
  store.close();
});
afterAll(async () => {
  if (hasGpg) spawnSync('gpgconf', ['--homedir', keyHome, '--kill', 'all']);
  await web.close();
});
beforeEach(() => {
  web.pages.clear();
  web.log.length = 0;
});

const run = (...args: string[]) =>
  runCommand(scan, ['--behind', '--mirror', `deb.example.com=${web.url}`, ...args], { home });

describe('scan --behind', () => {
  test('says what is behind, and which CVE ids the changelog names after the installed version', async () => {
    serveDebian();
    const { code, stdout, error } = await run('--json', 'app');
    expect(error).toBeUndefined();
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      compared: 3,
      behind: [
        {
          ...{ source: 'openssl', packages: ['libssl3', 'openssl'] },
          ...{ installed: '3.0.14-1~deb12u2', offered: '3.0.15-1~deb12u1' },
          cves: ['CVE-2024-5535', 'CVE-2024-6119'],
        },
      ],
      sources: [
        {
          ...{ uri: 'http://deb.example.com/debian', suite: 'bookworm' },
          signature: hasGpg ? 'good' : 'unchecked',
        },
      ],
      unknown: [{ name: 'local-tool', version: '1.0' }],
    });
  });

  test('prints a table', async () => {
    serveDebian();
    const { stdout } = await run('app');
    expect(stdout).toContain('2 of 3 packages behind their own sources');
    expect(stdout).toMatch(
      /^ {2}openssl \(2\) {3}3\.0\.14-1~deb12u2 → 3\.0\.15-1~deb12u1 .* CVE-2024-5535 CVE-2024-6119$/m,
    );
    expect(stdout).toContain('1 package not compared: no source offers it.');
  });

  test('says so when nothing is behind', async () => {
    const installed = gzipSync(STATUS);
    serveDebian(installed);
    const { stdout, code } = await run('app');
    expect(code).toBe(0);
    expect(stdout).toContain('0 of 4 packages behind their own sources');
  });

  test('goes on without a changelog', async () => {
    serveDebian();
    web.pages.delete(LOG);
    const { stdout, code } = await run('app');
    expect(code).toBe(0);
    expect(stdout).toContain('-: no changelog was found.');
  });

  test('exits with 3 where no source has an index', async () => {
    const { code, stdout } = await run('app');
    expect(code).toBe(3);
    expect(stdout).toContain('Not compared: no package source of the image has an index for its platform.');
    expect(stdout).not.toContain('0 of');
  });

  test('refuses an index that is not the signed one', async () => {
    serveDebian();
    web.pages.set(`${DIST}/main/binary-amd64/Packages.gz`, {
      body: gzipSync('Package: openssl\nVersion: 9\n'),
    });
    expect((await run('app')).error).toMatchObject({ code: 'INDEX_INVALID' });
  });

  test.skipIf(!hasGpg)('refuses a release that was changed after it was signed', async () => {
    serveDebian();
    const { body } = web.pages.get(`${DIST}/InRelease`)!;
    web.pages.set(`${DIST}/InRelease`, { body: body.toString().replace('Suite: stable', 'Suite: Stable') });
    expect((await run('app')).error).toMatchObject({
      code: 'INDEX_INVALID',
      message: expect.stringContaining('its signature is wrong'),
    });
  });

  test('compares packages of Alpine', async () => {
    const index = 'P:busybox\nV:1.37.0-r20\nA:x86_64\n\nP:zlib\nV:1.3.1-r1\nA:x86_64\n\n';
    web.pages.set('/alpine/v3.22/main/x86_64/APKINDEX.tar.gz', {
      body: gzipSync(makeTar([['APKINDEX', index]])),
    });
    const { stdout } = await run('--json', 'alpine');
    expect(JSON.parse(stdout)).toMatchObject({
      compared: 2,
      behind: [{ source: 'busybox', installed: '1.37.0-r18', offered: '1.37.0-r20' }],
      sources: [{ signature: 'unchecked' }],
    });
  });

  test.each([
    ['no-sources', 'names no package sources'],
    ['scratch', 'has no packages of Debian, Ubuntu or Alpine'],
  ])('rejects %s', async (image, message) => {
    expect((await run(image)).error).toMatchObject({
      code: 'SOURCES_MISSING',
      message: expect.stringContaining(message),
    });
  });
});

describe('flags', () => {
  test.each([
    ['--fail-on', 'high'],
    ['--db', 'npm'],
    ['--compare', 'alpine'],
    ['--format', 'sarif'],
    ['--offline'],
    ['--ignore-unfixed'],
  ])('--behind conflicts with %s', async (...flags) => {
    const { error } = await run(...flags, 'app');
    expect(error).toMatchObject({ code: 'FLAGS_CONFLICT', exitCode: 2 });
    expect(web.log).toEqual([]);
  });

  test('--mirror needs --behind, and an address', async () => {
    const mirror = (text: string, ...more: string[]) =>
      runCommand(scan, ['--mirror', text, ...more, 'app'], { home });
    expect((await mirror('a=http://b.example.com')).error).toMatchObject({ code: 'FLAG_NEEDS_BEHIND' });
    expect((await mirror('a', '--behind')).error).toMatchObject({ code: 'MIRROR_INVALID', exitCode: 2 });
  });
});
