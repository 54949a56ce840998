import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command as db } from '../../src/cli/commands/db.ts';
import { command as scan } from '../../src/cli/commands/scan.ts';
import type { ScanDocument } from '../../src/scan/scan-json.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeLayer, runCommand } from '../support/images.ts';
import { FakeRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

const home = tempDir();
const folder = tempDir();
const database = join(folder, 'advisories.tar.gz');
let digest: string;
let registry: FakeRegistry;

/** An OSV record about a package of npm. */
const record = (id: string, name: string, fixed: string, aliases: string[] = []) => ({
  ...{
    id,
    aliases,
    summary: `${name} has a flaw`,
    database_specific: { severity: 'HIGH', cwe_ids: ['CWE-79'] },
  },
  affected: [
    {
      package: { ecosystem: 'npm', name },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed }] }],
    },
  ],
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N' }],
});
const packages = (versions: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(versions).map(([name, version]) => [
      `app/node_modules/${name}/package.json`,
      JSON.stringify({ name, version }),
    ]),
  );

beforeAll(async () => {
  for (const [name, value] of Object.entries({
    a: record('CVE-2026-0001', 'alpha', '2.0.0', ['GHSA-aaaa-bbbb-cccc']),
    b: record('CVE-2026-0002', 'beta', '2.0.0'),
    // A range a branch, as publishers write it.
    c: {
      ...record('CVE-2026-0003', 'gamma', '2.0.0'),
      affected: [
        ['0', '0.5.0'],
        ['1.0.0', '2.0.0'],
        ['3.0.0', '3.1.0'],
      ].map(([introduced, fixed]) => ({
        package: { ecosystem: 'npm', name: 'gamma' },
        ranges: [{ type: 'SEMVER', events: [{ introduced }, { fixed }] }],
      })),
    },
  })) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(value));
  }
  const built = await runCommand(
    db,
    ['build', '-o', database, ...['a', 'b', 'c'].map((name) => join(folder, `${name}.json`))],
    { home },
  );
  expect(built.error).toBeUndefined();
  registry = await FakeRegistry.start({ referrers: true });
  const store = openStore({ home });
  const layer = makeLayer(store, packages({ alpha: '1.0.0', beta: '1.0.0' }));
  const made = await makeImage(store, { name: `${registry.host}/team/app:1`, layers: [layer] });
  digest = made.manifest.digest;
  const repository = registry.repository('team/app');
  for (const blob of [made.config, layer.blob])
    repository.blobs.set(blob.digest, store.blobs.read(blob.digest));
  repository.manifests.set(digest, {
    type: made.manifest.mediaType,
    bytes: store.blobs.read(made.manifest.digest),
  });
  repository.tags.set('1', digest);
  await makeImage(store, {
    name: 'app:2',
    layers: [makeLayer(store, packages({ alpha: '2.0.0', beta: '1.5.0', gamma: '1.0.0' }))],
  });
  store.close();
});
afterAll(() => registry.close());

const run = (...args: string[]) => runCommand(scan, ['--db', database, ...args], { home });

type Statement = Record<string, unknown>;
const vexDocument = (statements: Statement[], timestamp = '2026-01-01T00:00:00Z') => ({
  '@context': 'https://openvex.dev/ns/v0.2.0',
  ...{ '@id': 'https://example.com/vex', author: 'us', timestamp, version: 1, statements },
});
const notAffected = (id: string, products: unknown[]): Statement => ({
  vulnerability: { name: id },
  ...{ products, status: 'not_affected', justification: 'vulnerable_code_not_in_execute_path' },
});
async function withVex(...statements: Statement[]): Promise<ScanDocument> {
  const file = join(tempDir(), 'vex.json');
  writeFileSync(file, JSON.stringify(vexDocument(statements)));
  const { stdout, error } = await run('--json', '--vex', file, `${registry.host}/team/app:1`);
  expect(error).toBeUndefined();
  return JSON.parse(stdout);
}
const ids = ({ findings }: ScanDocument) => findings.map(({ id }) => id);
const BOTH = ['CVE-2026-0001', 'CVE-2026-0002'];

describe('--vex', () => {
  test.each<[string, unknown]>([
    ['a package with its version', { '@id': 'pkg:npm/alpha@1.0.0' }],
    ['a package of any version', { '@id': 'pkg:npm/alpha' }],
    [
      'a package by an identifier',
      { '@id': 'https://example.com/a', identifiers: { purl: 'pkg:npm/alpha' } },
    ],
    ['the image, and a part of it', { '@id': 'pkg:oci/app', subcomponents: [{ '@id': 'pkg:npm/alpha' }] }],
  ])('a statement about %s takes the finding out', async (_, product) => {
    const said = await withVex(notAffected('CVE-2026-0001', [product]));
    expect(ids(said)).toEqual(['CVE-2026-0002']);
    expect(said.ignored).toMatchObject([
      {
        ...{ id: 'CVE-2026-0001', package: 'alpha', status: 'not_affected' },
        justification: 'vulnerable_code_not_in_execute_path',
        reason: 'not affected: vulnerable code not in execute path',
      },
    ]);
  });

  test('a statement about an alias of the id, and about the image by its digest', async () => {
    const image = { '@id': `pkg:oci/app@${encodeURIComponent(digest)}` };
    expect(ids(await withVex(notAffected('GHSA-aaaa-bbbb-cccc', [image])))).toEqual(['CVE-2026-0002']);
  });

  test.each<[string, unknown]>([
    ['another version', { '@id': 'pkg:npm/alpha@1.0.1' }],
    ['another type', { '@id': 'pkg:pypi/alpha' }],
    ['another namespace', { '@id': 'pkg:npm/%40scope/alpha' }],
    ['another part', { '@id': 'pkg:oci/app', subcomponents: [{ '@id': 'pkg:npm/beta' }] }],
    ['another image', { '@id': 'pkg:oci/other', subcomponents: [{ '@id': 'pkg:npm/alpha' }] }],
    ['another digest', { '@id': `pkg:oci/app@sha256%3A${'0'.repeat(64)}` }],
    ['another registry', { '@id': 'pkg:oci/app?repository_url=example.com/team/app' }],
    ['a part of a package', { '@id': 'pkg:npm/alpha', subcomponents: [{ '@id': 'pkg:npm/x' }] }],
  ])('a statement about %s does not count', async (_, product) => {
    expect(ids(await withVex(notAffected('CVE-2026-0001', [product])))).toEqual(BOTH);
  });

  test('the last statement about a package holds; "affected" keeps the finding, with what to do', async () => {
    const products = [{ '@id': 'pkg:npm/alpha' }];
    const said = await withVex(
      { ...notAffected('CVE-2026-0001', products), timestamp: '2026-02-01T00:00:00Z' },
      {
        ...{ vulnerability: { name: 'CVE-2026-0001' }, products, status: 'affected' },
        ...{ action_statement: 'wait for 2.0', timestamp: '2026-03-01T00:00:00Z' },
      },
    );
    expect(ids(said)).toEqual(BOTH);
    expect(said.findings[0]?.vex).toMatchObject({ status: 'affected', note: 'wait for 2.0' });
  });

  test.each<[string, unknown]>([
    ['not OpenVEX', { '@context': 'https://example.com', statements: [] }],
    ['without statements', { '@context': 'https://openvex.dev/ns/v0.2.0' }],
    ['an unknown status', vexDocument([{ vulnerability: { name: 'CVE-1' }, status: 'fine' }])],
    ['no vulnerability', vexDocument([{ status: 'fixed' }])],
    ['not affected for no reason', vexDocument([{ vulnerability: 'CVE-1', status: 'not_affected' }])],
  ])('%s is refused', async (_, value) => {
    const file = join(tempDir(), 'vex.json');
    writeFileSync(file, JSON.stringify(value));
    expect(await run('--vex', file, 'app:2')).toMatchObject({ code: 1, error: { code: 'VEX_INVALID' } });
  });
});

describe('--vex oci', () => {
  const image = () => `registry://${registry.host}/team/app:1`;
  const statement = (subject: string, purl: string) => ({
    ...{ _type: 'https://in-toto.io/Statement/v1', subject: [{ name: 'app', digest: { sha256: subject } }] },
    predicateType: 'https://openvex.dev/ns/v0.2.0',
    predicate: vexDocument([notAffected('CVE-2026-0002', [{ '@id': purl }])]),
  });
  const layerOf = (mediaType: string, value: unknown) => ({
    mediaType,
    ...registry.addBlob('team/app', Buffer.from(JSON.stringify(value))),
  });
  const config = () => layerOf('application/vnd.oci.empty.v1+json', {});
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';

  test('takes the statements among the referrers of the image', async () => {
    expect(ids(JSON.parse((await run('--json', '--vex', 'oci', image())).stdout))).toEqual(BOTH);
    registry.addManifest('team/app', undefined, {
      ...{ schemaVersion: 2, mediaType, artifactType: 'application/vnd.openvex+json', config: config() },
      layers: [layerOf('application/vnd.openvex+json', vexDocument([notAffected('CVE-2026-0001', [])]))],
      subject: { mediaType, digest, size: 1 },
    } as { mediaType: string });
    const { stdout, error } = await run('--json', '--vex', 'oci', '--registry-insecure', image());
    expect(error).toBeUndefined();
    expect(ids(JSON.parse(stdout))).toEqual(['CVE-2026-0002']);
  });

  test("takes cosign's attestations: an in-toto statement in an envelope", async () => {
    const payload = Buffer.from(JSON.stringify(statement(digest.slice(7), 'pkg:npm/beta'))).toString(
      'base64',
    );
    registry.addManifest('team/app', `${digest.replace(':', '-')}.att`, {
      ...{ schemaVersion: 2, mediaType, config: config() },
      layers: [
        layerOf('application/vnd.dsse.envelope.v1+json', {
          ...{ payloadType: 'application/vnd.in-toto+json', payload, signatures: [] },
        }),
      ],
    } as { mediaType: string });
    const { stdout } = await run('--json', '--vex', 'oci', image());
    expect(ids(JSON.parse(stdout))).toEqual([]);
  });

  test('needs an image of a registry', async () => {
    const { error } = await run('--vex', 'oci', `dir:${folder}`);
    expect(error).toMatchObject({ code: 'VEX_INVALID', exitCode: 2 });
  });
});

test('--format cyclonedx-vex holds to the published schema, with decisions as analyses', async () => {
  const file = join(tempDir(), 'vex.json');
  writeFileSync(file, JSON.stringify(vexDocument([notAffected('CVE-2026-0001', ['pkg:npm/alpha'])])));
  const { stdout } = await run('--format', 'cyclonedx-vex', '--vex', file, `${registry.host}/team/app:1`);
  expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(stdout)).toBeNull();
  const { vulnerabilities } = JSON.parse(stdout);
  expect(vulnerabilities).toMatchObject([
    { id: 'CVE-2026-0002', cwes: [79], recommendation: 'Update beta to 2.0.0.' },
    { id: 'CVE-2026-0001', analysis: { state: 'not_affected', justification: 'code_not_reachable' } },
  ]);
  expect(vulnerabilities[0].ratings).toContainEqual(
    expect.objectContaining({ method: 'CVSSv31', score: 7.5 }),
  );
});

describe('--compare', () => {
  const compared = (...args: string[]) => run('--compare', `${registry.host}/team/app:1`, ...args, 'app:2');

  test('shows what is new and what is fixed, whatever the versions', async () => {
    const { stdout } = await compared('--json');
    const said = JSON.parse(stdout) as ScanDocument;
    expect(said.compared).toMatchObject({ fixed: [{ id: 'CVE-2026-0001' }], same: 1 });
    expect(said.compared!.new.map((at) => said.findings[at]!.id)).toEqual(['CVE-2026-0003']);
    const table = (await compared()).stdout;
    expect(table).toMatch(/1 new, 1 fixed, 1 in both\n/);
    expect(table).toMatch(/New\n.*CVE-2026-0003[\s\S]*Fixed\n.*CVE-2026-0001/);
  });

  test('--fail-on and sarif count only new findings', async () => {
    expect(await compared('--fail-on', 'high')).toMatchObject({ code: 1 });
    const same = await run('--compare', 'app:2', '--fail-on', 'high', 'app:2');
    expect(same).toMatchObject({ code: 0 });
    const { runs } = JSON.parse((await compared('--format', 'sarif')).stdout);
    expect(runs[0].results).toHaveLength(1);
  });
});
