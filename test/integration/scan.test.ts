import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command as db } from '../../src/cli/commands/db.ts';
import { command as scan } from '../../src/cli/commands/scan.ts';
import { sha256 } from '../../src/image/digest.ts';
import type { ScanDocument } from '../../src/scan/scan-json.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeLayer, makeTar, runCommand } from '../support/images.ts';
import { FakeRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

const BOLT = gunzipSync(readFileSync(new URL('../data/bolt/trivy.db.gz', import.meta.url)));
const METADATA = { Version: 2, UpdatedAt: '2026-11-01T00:00:00Z', NextUpdate: '2026-11-02T00:00:00Z' };
const ARCHIVE = gzipSync(
  makeTar([
    ['trivy.db', BOLT],
    ['metadata.json', JSON.stringify(METADATA)],
  ]),
);

/** Debian with openssl and zlib below, an application and npm above. */
const BASE = {
  'etc/os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  'var/lib/dpkg/status': [
    'Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.14-1~deb12u2',
    'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nSource: zlib\nVersion: 1:1.2.13.dfsg-1',
    'Package: tzdata\nStatus: install ok installed\nArchitecture: all\nVersion: 2024a-0+deb12u1\n',
  ].join('\n\n'),
  'var/lib/dpkg/info/libssl3.list': '/usr/lib/libssl.so.3\n',
  'usr/lib/libssl.so.3': 'ssl',
};
const TOOLS = {
  'usr/local/lib/node_modules/npm/package.json': '{"name":"npm","version":"10.0.0"}',
  'usr/local/lib/node_modules/npm/node_modules/minimist/package.json':
    '{"name":"minimist","version":"1.2.5"}',
};
const APP = {
  'app/package.json': '{"name":"app","version":"1.0.0","dependencies":{\n"lodash":"^4.17.20"\n}}',
  'app/node_modules/lodash/package.json': '{"name":"lodash","version":"4.17.20"}',
};

let home: string;
let archive: string;

beforeAll(async () => {
  home = tempDir();
  archive = join(tempDir(), 'trivy-db.tar.gz');
  writeFileSync(archive, ARCHIVE);
  const store = openStore({ home });
  const base = makeLayer(store, BASE);
  await makeImage(store, { name: 'base', layers: [base] });
  await makeImage(store, {
    name: 'app',
    layers: [base, makeLayer(store, TOOLS), makeLayer(store, APP)],
    config: { config: { WorkingDir: '/app' } },
  });
  await makeImage(store, { name: 'empty', layers: [makeLayer(store, { 'app/index.js': '1' })] });
  store.close();
});

const run = (...args: string[]) => runCommand(scan, args, { home });
const runDb = (...args: string[]) => runCommand(db, args, { home });

async function document(...args: string[]): Promise<ScanDocument> {
  const { stdout, error } = await run('--json', ...args);
  expect(error).toBeUndefined();
  return JSON.parse(stdout) as ScanDocument;
}

const found = ({ findings }: ScanDocument) =>
  findings.map(({ id, package: one, fixedIn, layer }) => [id, one.name, fixedIn, layer.base]);

describe('scan', () => {
  test('finds what holds for the versions that are there, worst first, each in its layer', async () => {
    const said = await document('app', '--db', archive);
    expect(found(said)).toEqual([
      ['CVE-2021-44906', 'minimist', '1.2.6', false],
      ['CVE-2021-23337', 'lodash', '4.17.21', false],
      ['CVE-2023-45853', 'zlib1g', undefined, true],
      ['CVE-2024-5535', 'libssl3', '3.0.15-1~deb12u1', true],
      ['CVE-2025-27587', 'libssl3', undefined, true],
    ]);
    expect(said.counts).toEqual({ critical: 1, high: 1, medium: 0, low: 3, unknown: 0 });
    expect(said.findings[3]).toMatchObject({
      source: { name: 'openssl', version: '3.0.14-1~deb12u2' },
      severityBy: 'debian',
      layer: { position: 0, base: true },
    });
    expect(said.sources).toEqual([
      { kind: 'trivy-db', location: archive, updated: '2026-11-01T00:00:00.000Z' },
    ]);
  });

  test('groups findings by what removes them', async () => {
    const { remedies } = await document('app', '--db', archive);
    expect(remedies).toEqual([
      { kind: 'tool', subject: 'npm', findings: [0] },
      {
        ...{ kind: 'package', subject: 'lodash', from: '4.17.20', to: '4.17.21', findings: [1] },
        where: { path: 'app/package.json', line: 2 },
      },
      { kind: 'base', subject: 'base:latest', findings: [3] },
      { kind: 'none', subject: '', findings: [2, 4] },
    ]);
    const { stdout } = await run('app', '--db', archive);
    expect(stdout).toContain('Leaving npm out of the final stage removes 1');
    expect(stdout).toContain('lodash 4.17.20 → 4.17.21 (app/package.json:2) removes 1');
    expect(stdout).toContain('no fix planned');
  });

  test('says which packages it could not look up', async () => {
    const { packages } = await document('app', '--db', archive);
    expect(packages.notScanned).toEqual([]);
    expect(packages.scanned).toBeGreaterThanOrEqual(6);
  });

  test.each<[string[], number]>([
    [['--fail-on', 'critical'], 1],
    [['--fail-on', 'low'], 1],
    [[], 0],
  ])('%j: exit code %i', async (flags, code) => {
    expect(await run('app', '--db', archive, ...flags)).toMatchObject({ code, error: undefined });
  });

  test('--fail-on a severity that nothing has: exit code 0', async () => {
    expect(await run('base', '--db', archive, '--fail-on', 'medium')).toMatchObject({ code: 0 });
  });

  test('--ignore-unfixed leaves out what no version removes', async () => {
    const said = await document('app', '--db', archive, '--ignore-unfixed');
    expect(said.findings.every(({ fixedIn }) => fixedIn !== undefined)).toBe(true);
    expect(said.findings).toHaveLength(3);
  });

  test('without advisories nothing is said to be clean: exit code 3', async () => {
    const { code, stdout, stderr } = await run('app', '--offline');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^app:latest {2}not scanned\n/);
    expect(stdout).toContain('Debian 12 reached end of life on 2026-07-11');
    expect(stdout).not.toMatch(/nothing found|\b0\b/);
    expect(stderr).toContain('Not scanned');
    expect(await document('app', '--offline')).toMatchObject({ scanned: false, findings: [] });
  });

  test('SARIF has a rule an advisory and a result a finding; annotations cannot be forged', async () => {
    const { stdout } = await run('app', '--db', archive, '--format', 'sarif');
    const [{ tool, results }] = JSON.parse(stdout).runs;
    expect(results).toHaveLength(5);
    expect(tool.driver.rules[results[1].ruleIndex].id).toBe('CVE-2021-23337');
    expect(tool.driver.rules.map((rule: { properties: object }) => rule.properties)).toContainEqual(
      expect.objectContaining({ 'security-severity': '9.1' }),
    );
    const github = await run('app', '--db', archive, '--format', 'github');
    expect(github.stdout.split('\n').filter((line) => line.startsWith('::error '))).toHaveLength(2);
    expect(github.stdout.split('\n').filter((line) => line.startsWith('::notice '))).toHaveLength(3);
  });
});

describe('an ignore file', () => {
  const ignoring = async (...lines: string[]) => {
    const file = join(tempDir(), 'ignored');
    writeFileSync(file, lines.join('\n'));
    return { file, ran: await run('--json', 'app', '--db', archive, '--ignore', file) };
  };

  test('takes findings out, and the report says which and why', async () => {
    const { file, ran } = await ignoring(
      '# decided in the review of May',
      'CVE-2021-23337 lodash until 2999-01-01: template() is not used',
      'GHSA-xvch-5gv4-984h: only npm has it  # not ours',
      'CVE-2024-5535 another-package: not this one',
      'CVE-2023-45853 until 2020-01-01: over',
    );
    const said = JSON.parse(ran.stdout) as ScanDocument;
    expect(said.findings.map(({ id }) => id)).toEqual(['CVE-2023-45853', 'CVE-2024-5535', 'CVE-2025-27587']);
    expect(said.ignored).toMatchObject([
      { id: 'CVE-2021-44906', package: 'minimist', reason: 'only npm has it', from: `${file}:3` },
      ...[
        {
          id: 'CVE-2021-23337',
          package: 'lodash',
          until: '2999-01-01',
          from: `${file}:2`,
          reason: 'template() is not used',
        },
      ],
    ]);
  });

  test.each([
    'CVE-2021-23337',
    'CVE-2021-23337 lodash',
    'CVE-1 until never: x',
    'lodash: x',
    'CVE-1 until 2026-99-99: x',
  ])('"%s" is refused with its line', async (line) => {
    const { ran } = await ignoring('', line);
    expect(ran).toMatchObject({ code: 2, error: { code: 'IGNORE_INVALID', location: { line: 2 } } });
  });
});

describe('a database in a registry', () => {
  let registry: FakeRegistry;
  let reference: string;

  beforeAll(async () => {
    registry = await FakeRegistry.start();
    const repository = registry.repository('security/trivy-db');
    const layer = {
      mediaType: 'application/vnd.aquasec.trivy.db.layer.v1.tar+gzip',
      digest: sha256(ARCHIVE),
      size: ARCHIVE.length,
    };
    repository.blobs.set(layer.digest, ARCHIVE);
    const config = {
      mediaType: 'application/vnd.aquasec.trivy.config.v1+json',
      digest: sha256(Buffer.from('{}')),
      size: 2,
    };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
    repository.manifests.set(sha256(bytes), { type: mediaType, bytes });
    repository.tags.set('2', sha256(bytes));
    reference = `${registry.host}/security/trivy-db:2`;
  });
  afterAll(() => registry.close());

  const requests = () => registry.seen.length;

  test('is fetched once, asked again after six hours at the earliest, and then only for its digest', async () => {
    const own = tempDir();
    const pull = (...args: string[]) => runCommand(db, ['pull', ...args, reference], { home: own });
    expect((await pull()).stdout).toMatch(/^fetched .*: advisories of \d+ weeks? ago\n$/);
    const before = requests();
    expect((await pull()).stdout).toMatch(/was asked .* ago/);
    expect(requests()).toBe(before);
    expect((await pull('--force')).stdout).toMatch(/has nothing newer/);
    expect(registry.seen.slice(before).filter(({ path }) => path.includes('/blobs/'))).toEqual([]);
  });

  test('serves a scan by itself, also without the network afterwards', async () => {
    const own = tempDir();
    const store = openStore({ home: own });
    await makeImage(store, {
      name: 'app',
      layers: [makeLayer(store, APP)],
      config: { config: { WorkingDir: '/app' } },
    });
    store.close();
    for (const flags of [[], ['--offline']]) {
      const { stdout } = await runCommand(scan, ['--json', 'app', '--db', reference, ...flags], {
        home: own,
      });
      expect(found(JSON.parse(stdout))).toEqual([['CVE-2021-23337', 'lodash', '4.17.21', false]]);
    }
  });

  test('damaged on the way, it is refused, and nothing of it stays', async () => {
    const own = tempDir();
    registry.options.fault = ({ path }) => (path.includes('/blobs/') ? { kind: 'corrupt' } : undefined);
    const { error } = await runCommand(db, ['pull', reference], { home: own });
    delete registry.options.fault;
    expect(error?.code).toMatch(/^(DIGEST_MISMATCH|COMPRESSION_INVALID|TAR_INVALID|DATABASE_INVALID)$/);
    expect((await runCommand(db, ['info', '--json'], { home: own })).stdout).toBe('[]\n');
  });
});

describe('db', () => {
  test('save and load carry a database to another store', async () => {
    await runDb('load', archive, '--as', 'example.com/trivy-db:2');
    const copy = join(tempDir(), 'copy.tar.gz');
    expect((await runDb('save', '-o', copy, 'example.com/trivy-db:2')).stdout).toContain('wrote ');
    const other = tempDir();
    await runCommand(db, ['load', copy], { home: other });
    const { stdout } = await runCommand(db, ['info', '--json'], { home: other });
    expect(JSON.parse(stdout)).toEqual([
      expect.objectContaining({
        reference: 'mirror.gcr.io/aquasec/trivy-db:2',
        format: 'trivy-db',
        file: sha256(BOLT),
        updated: '2026-11-01T00:00:00.000Z',
      }),
    ]);
  });

  test.each<[string, Buffer]>([
    ['no archive', Buffer.from('hello')],
    ['nothing in it', gzipSync(makeTar([['readme', 'x']]))],
    [
      'two databases in it',
      gzipSync(
        makeTar([
          ['trivy.db', BOLT],
          ['./trivy.db', BOLT],
        ]),
      ),
    ],
    ['an archive that is cut off', ARCHIVE.subarray(0, 1000)],
    ['no bbolt in it', gzipSync(makeTar([['trivy.db', 'x'.repeat(10_000)]]))],
  ])('%s: refused with a sentence', async (_, content) => {
    const file = join(tempDir(), 'x.tar.gz');
    writeFileSync(file, content);
    const { error } = await run('app', '--db', file);
    expect(error?.code).toMatch(/^(DATABASE_INVALID|TAR_INVALID|COMPRESSION_INVALID)$/);
  });
});
