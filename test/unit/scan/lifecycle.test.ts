import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Inspection } from '../../../src/inspect/inspection.ts';
import type { Package } from '../../../src/inspect/package.ts';
import { lifecyclesOf } from '../../../src/scan/lifecycle.ts';

const TODAY = '2026-11-01';

function looked(distribution: Inspection['distribution'], nodes: string[] = []) {
  const packages = new Map(
    nodes.map((version): [string, Package] => [
      version,
      { id: version, type: 'generic', name: 'node', version, kind: 'runtime' as const, path: 'bin/node' },
    ]),
  );
  return lifecyclesOf({ census: { packages } as Inspection['census'], distribution }, TODAY);
}

test.each<[string, string, object]>([
  ['debian', '10', { cycle: '10', end: '2022-09-10', ended: true, behind: 3, newest: '13' }],
  ['debian', '12', { extended: { name: 'LTS', end: '2028-06-30' }, behind: 1 }],
  ['ubuntu', '24.04', { ended: false, end: '2029-05-31', newest: '26.04' }],
  ['alpine', '3.19.1', { cycle: '3.19', end: '2025-11-01', ended: true }],
  ['alpine', '3.23.0', { ended: false, behind: 0 }],
])('%s %s', (id, version, expected) => {
  expect(looked({ id, version })).toMatchObject([expected]);
});

test.each<[string, object]>([
  ['18.19.0', { cycle: '18', end: '2025-04-30', ended: true, newest: '18.20.8' }],
  ['18.20.8', { behind: 0, newest: '18.20.8' }],
  ['24.9.0', { ended: false }],
])('Node %s', (version, expected) => {
  const [found] = looked(undefined, [version]);
  expect(found).toMatchObject({ product: 'Node', path: 'bin/node', ...expected });
});

test('a later release of a line is behind by fewer', () => {
  const [early, late] = looked(undefined, ['20.9.0', '20.19.0']);
  expect(early!.newest).toBe(late!.newest);
  expect(early!.behind).toBeGreaterThan(late!.behind);
  expect(late!.behind).toBeGreaterThan(0);
});

test('nothing is said of what the data does not know', () => {
  expect(looked({ id: 'arch' }, ['99.0.0'])).toEqual([]);
  expect(looked({ id: 'debian', version: '99' })).toEqual([]);
});

test('the data is under 100 kB', () => {
  const sizeOf = (name: string) => statSync(new URL(`../../../src/scan/${name}`, import.meta.url)).size;
  expect(sizeOf('lifecycle-data.ts') + sizeOf('alpine-releases.ts')).toBeLessThan(100_000);
});
