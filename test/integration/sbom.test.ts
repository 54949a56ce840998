import { createHash } from 'node:crypto';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { beforeAll, expect, test } from 'vitest';
import { command as sbom } from '../../src/cli/commands/sbom.ts';
import { describeSbom } from '../../src/index.ts';
import type { Bill } from '../../src/sbom/bill.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeLayer, runCommand } from '../support/images.ts';
import { spdxViolations } from '../support/spdx-rules.ts';
import { tempDir } from '../support/temp-dir.ts';

const home = tempDir();
/** The SHA-512 of an archive, as lock files have it. */
const ARCHIVE = createHash('sha512').update('a').digest();
beforeAll(async () => {
  const store = openStore({ home });
  const app = makeLayer(store, {
    'app/package.json':
      '{"name":"app","version":"1.0.0","license":"SEE LICENSE IN x","dependencies":{"@s/a":"1"}}',
    'app/node_modules/@s/a/package.json':
      '{"name":"@s/a","version":"1.0.0","license":"MIT","dependencies":{"b":"1"}}',
    'app/node_modules/b/package.json': '{"name":"b","version":"1.0.0","license":"MIT OR ISC"}',
    'app/node_modules/.package-lock.json': JSON.stringify({
      packages: {
        'node_modules/@s/a': { version: '1.0.0', integrity: `sha1-x sha512-${ARCHIVE.toString('base64')}` },
        'node_modules/b': { version: '0.9.0', integrity: `sha512-${ARCHIVE.toString('base64')}` },
      },
    }),
    'app/index.js': 'own',
    'usr/local/lib/node_modules/npm/package.json': '{"name":"npm","version":"10.0.0"}',
    'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
    'var/lib/dpkg/status':
      'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2-1\n',
  });
  await makeImage(store, { name: 'app', layers: [app] });
  store.close();
});

async function document(format: string, ...flags: string[]) {
  const { stdout, error } = await runCommand(sbom, ['--format', format, ...flags, 'app'], { home });
  expect(error).toBeUndefined();
  return { stdout, json: JSON.parse(stdout) };
}

test.each([[[]], [['--files']]])(
  'CycloneDX holds to its published schema, SPDX to its rules: %j',
  async (flags) => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate((await document('cyclonedx', ...flags)).stdout)).toBeNull();
    expect(spdxViolations((await document('spdx', ...flags)).json)).toEqual([]);
  },
);

test('CycloneDX: npm is a tool, the distribution a component, twice the same', async () => {
  const { stdout, json } = await document('cyclonedx');
  expect((await document('cyclonedx')).stdout).toBe(stdout);
  const npm = json.components.find(({ name }: { name: string }) => name === 'npm');
  expect(npm.scope).toBe('excluded');
  const systems = json.components.filter(({ type }: { type: string }) => type === 'operating-system');
  expect(systems).toMatchObject([{ name: 'debian', version: '12' }]);
});

test('SPDX has every package, its edges and its license', async () => {
  const { stdout, json } = await document('spdx');
  expect((await document('spdx')).stdout).toBe(stdout);
  const names = new Map<string, string>(
    json.packages.map((one: { SPDXID: string; name: string }) => [one.SPDXID, one.name]),
  );
  expect([...names.values()].sort()).toEqual(['@s/a', 'app', 'app:latest', 'b', 'debian', 'npm', 'zlib1g']);
  expect([...names.keys()].every((id) => /^SPDXRef-[A-Za-z0-9.-]+$/.test(id))).toBe(true);
  const edges = json.relationships
    .filter((one: { relationshipType: string }) => one.relationshipType === 'DEPENDS_ON')
    .map(
      (one: Record<string, string>) =>
        `${names.get(one['spdxElementId']!)} → ${names.get(one['relatedSpdxElement']!)}`,
    );
  expect(edges.sort()).toEqual(['@s/a → b', 'app → @s/a']);
  expect(json.hasExtractedLicensingInfos).toMatchObject([{ extractedText: 'SEE LICENSE IN x' }]);
});

test('a package has the checksum of its archive, if the lock file is of the version that is there', async () => {
  const { json } = await document('json');
  const sums = (json as Bill).components.flatMap(({ name, sha512 }) =>
    sha512 === undefined ? [] : [[name, sha512]],
  );
  expect(sums).toEqual([['@s/a', ARCHIVE.toString('hex')]]);
  const spdx = (await document('spdx')).json.packages.find(({ name }: { name: string }) => name === '@s/a');
  expect(spdx.checksums).toEqual([{ algorithm: 'SHA512', checksumValue: ARCHIVE.toString('hex') }]);
});

test('--files lists every file with its package, in each format', async () => {
  const { json } = await document('json', '--files');
  const { files = [], components } = json as Bill;
  const owners = Object.fromEntries(files.map(({ path, owner }) => [path, owner?.replace(/:\/.*/, '')]));
  expect(owners).toMatchObject({
    'app/index.js': undefined,
    'app/node_modules/@s/a/package.json': 'npm:@s/a@1.0.0',
    'usr/local/lib/node_modules/npm/package.json': 'npm:npm@10.0.0',
  });
  const index = files.find(({ path }) => path === 'app/index.js');
  expect(index?.sha256).toBe(createHash('sha256').update('own').digest('hex'));

  const spdx = (await document('spdx', '--files')).json;
  const names = new Map<string, string>(
    [...spdx.packages, ...spdx.files].map((one) => [one.SPDXID, one.fileName?.slice(2) ?? one.name]),
  );
  const owned = spdx.relationships
    .filter((one: { comment?: string }) => one.comment === 'owned by')
    .map((one: Record<string, string>) => [
      names.get(one['spdxElementId']!),
      names.get(one['relatedSpdxElement']!),
    ]);
  const nameOf = new Map(components.map(({ id, name }) => [id, name]));
  expect(owned).toEqual(
    files.map(({ path, owner }) => [path, owner === undefined ? 'app:latest' : nameOf.get(owner)]),
  );

  const { components: top } = (await document('cyclonedx', '--files')).json;
  const inside = (name: string) =>
    top
      .find((one: { name: string }) => one.name === name)
      ?.components?.map((one: { name: string }) => one.name);
  expect(inside('b')).toEqual(['/app/node_modules/b/package.json']);
  expect(top).toContainEqual(expect.objectContaining({ type: 'file', name: '/app/index.js' }));
  expect((await document('json')).json.files).toBeUndefined();
});

test('the library gives what the command prints', async () => {
  expect(await describeSbom('app', { home })).toEqual((await document('spdx')).json);
  const options = { home, format: 'cyclonedx', files: true } as const;
  expect(await describeSbom('app', options)).toEqual((await document('cyclonedx', '--files')).json);
});
