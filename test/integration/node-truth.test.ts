import { createRequire } from 'node:module';
import { join } from 'node:path';
import core from 'is-my-node-vulnerable/core.json' with { type: 'json' };
import semver from 'semver';
import { expect, test } from 'vitest';
import { openSources } from '../../src/advisories/open-sources.ts';
import { command as db } from '../../src/cli/commands/db.ts';
import type { Package } from '../../src/inspect/package.ts';
import { useRegistries } from '../../src/registry/registries.ts';
import { NODE } from '../../src/scan/lifecycle-data.ts';
import { match } from '../../src/scan/match-advisories.ts';
import type { PlacedPackage } from '../../src/scan/owned.ts';
import { openStore } from '../../src/store/store.ts';
import { runCommand } from '../support/images.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Entry {
  cve: string[];
  vulnerable: string;
  patched?: string;
}

/** The index of the Node.js Security Working Group, as the package is-my-node-vulnerable carries it. */
const CORE = createRequire(import.meta.url).resolve('is-my-node-vulnerable/core.json');
const index = core as Record<string, Entry>;
const entries = Object.entries(index).map(([key, entry]) => ({
  ...entry,
  id: entry.cve[0] ?? `NODE-CORE-${key}`,
}));

/** Every release of Node since 4. */
const versions = NODE.trim()
  .split('\n')
  .flatMap((row) => {
    const [line, , , , ...rest] = row.split(' ');
    return rest.map((version) => `${line}.${version}`);
  });

/** As that package decides it. */
const isVulnerable = (version: string, { vulnerable, patched }: Entry) =>
  semver.satisfies(version, vulnerable) && !(patched && semver.satisfies(version, patched));

test('every release of Node has the flaws that is-my-node-vulnerable finds in it, and no other', async () => {
  const home = tempDir();
  const file = join(home, 'node.tar.gz');
  expect((await runCommand(db, ['build', '-o', file, CORE], { home })).error).toBeUndefined();
  const { signal } = new AbortController();
  const store = openStore({ home });
  const found = await useRegistries({ env: {}, signal, insecure: false }, async (registries) => {
    const options = { store, registries, env: {}, cwd: home, signal, offline: true, warn: () => {} };
    const sources = await openSources([file], options);
    const placed = versions.map((version): PlacedPackage => {
      const one: Package = {
        ...{
          id: `generic:node@${version}`,
          type: 'generic',
          name: 'node',
          version,
          kind: 'runtime',
          path: 'node',
        },
      };
      return { package: one, layer: 0, instruction: undefined, isBase: false, kind: 'runtime' };
    });
    return match(placed, undefined, sources);
  });
  store.close();
  expect(found.notScanned).toEqual([]);
  const expected = new Set(
    versions.flatMap((version) =>
      entries.filter((entry) => isVulnerable(version, entry)).map((entry) => `${version} ${entry.id}`),
    ),
  );
  expect(expected.size).toBeGreaterThan(5000);
  const actual = new Set(found.findings.map(({ version, advisory: { id } }) => `${version} ${id}`));
  expect([...expected].filter((one) => !actual.has(one)).sort()).toEqual([]);
  expect([...actual].filter((one) => !expected.has(one)).sort()).toEqual([]);
});
