import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { beforeAll, expect, test } from 'vitest';
import { command as sbom } from '../../src/cli/commands/sbom.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeLayer, runCommand } from '../support/images.ts';
import { tempDir } from '../support/temp-dir.ts';

const home = tempDir();
beforeAll(async () => {
  const store = openStore({ home });
  const app = makeLayer(store, {
    'app/package.json':
      '{"name":"app","version":"1.0.0","license":"SEE LICENSE IN x","dependencies":{"@s/a":"1"}}',
    'app/node_modules/@s/a/package.json':
      '{"name":"@s/a","version":"1.0.0","license":"MIT","dependencies":{"b":"1"}}',
    'app/node_modules/b/package.json': '{"name":"b","version":"1.0.0","license":"MIT OR ISC"}',
    'usr/local/lib/node_modules/npm/package.json': '{"name":"npm","version":"10.0.0"}',
    'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
    'var/lib/dpkg/status':
      'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2-1\n',
  });
  await makeImage(store, { name: 'app', layers: [app] });
  store.close();
});

async function document(format: string) {
  const { stdout, error } = await runCommand(sbom, ['--format', format, 'app'], { home });
  expect(error).toBeUndefined();
  return { stdout, json: JSON.parse(stdout) };
}

test('CycloneDX holds to its published schema, twice the same', async () => {
  const { stdout, json } = await document('cyclonedx');
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  expect(await validator.validate(stdout)).toBeNull();
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
