import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Exporter } from '../../../src/export/exporter.ts';
import { EXPORTERS } from '../../../src/export/exporters.ts';
import { IMAGE_KEYS } from '../../../src/export/image-keys.ts';
import type { Keys } from '../../../src/fields/keys.ts';

const exporters = EXPORTERS as readonly unknown[] as readonly Exporter<{ type: string }>[];
const names = exporters.flatMap((exporter) => Object.entries(exporter.names));

describe('docs/output.md', () => {
  const lines = readFileSync(new URL('../../../docs/output.md', import.meta.url), 'utf8').split('\n');

  it.each(names)('says what type=%s is', (_, { usage, help }) => {
    expect(lines).toContain(`| ${usage} | ${help} |`);
  });

  it('has each key of images once', () => {
    const rows = keyRows(IMAGE_KEYS);
    expect(lines.filter((line) => rows.includes(line))).toEqual(rows);
  });

  it.each(exporters)('has the keys of $type', ({ keys, names: own }) => {
    const rows = [keys, ...Object.values(own).map((name) => name.keys ?? {})].flatMap(keyRows);
    expect(rows.filter((row) => !lines.includes(row))).toEqual([]);
  });

  it('has no other rows', () => {
    const known = new Set([
      ...names.map(([, { usage, help }]) => `| ${usage} | ${help} |`),
      ...exporters.flatMap(({ keys, names: own }) =>
        [keys, ...Object.values(own).map((name) => name.keys ?? {})].flatMap(keyRows),
      ),
    ]);
    const rows = lines.filter((line) => line.startsWith('| `'));
    expect(rows.filter((row) => !known.has(row) && !row.startsWith('| `-o`'))).toEqual([]);
  });
});

function keyRows(keys: Keys<never>): string[] {
  return Object.entries(keys).map(
    ([key, { value, help }]) => `| \`${key}=${value.replaceAll('|', '\\|')}\` | ${help} |`,
  );
}
