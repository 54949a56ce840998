import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SOURCE_KEYS, TARGET_KEYS } from '../../../src/cache/backend.ts';
import { BACKENDS } from '../../../src/cache/backends.ts';
import type { Exporter } from '../../../src/export/exporter.ts';
import { EXPORTERS } from '../../../src/export/exporters.ts';
import type { Keys } from '../../../src/fields/keys.ts';

describe('docs/output.md', () => {
  const exporters = EXPORTERS as readonly unknown[] as readonly Exporter<{ type: string }>[];
  const names = exporters.flatMap((exporter) => Object.values(exporter.names));

  it('has the types and keys of all exporters, each once, and no others', () => {
    const keys = exporters.flatMap((one) => [
      ...keyRows(one.keys),
      ...Object.values(one.names).flatMap((name) => keyRows(name.keys ?? {})),
    ]);
    const rows = [...names.map(({ usage, help }) => `| ${usage} | ${help} |`), ...new Set(keys)];
    expect(documented('output.md')).toEqual(rows.sort());
  });
});

describe('docs/cache.md', () => {
  it('has the types of all backends and the keys of the flags', () => {
    const rows = [
      ...BACKENDS.map(({ usage, help }) => `| ${usage} | ${help} |`),
      ...keyRows(TARGET_KEYS),
      ...keyRows(SOURCE_KEYS),
    ];
    const lines = documented('cache.md').filter((line) => line.includes('='));
    expect(lines).toEqual(rows.sort());
  });

  it('names each key of a backend', () => {
    const text = readFileSync(path('cache.md'), 'utf8');
    const keys = BACKENDS.flatMap((one) => [
      ...Object.keys(one.to),
      ...(one.kind === 'place' ? Object.keys(one.from) : []),
    ]);
    expect(keys.filter((key) => !text.includes(`${key}=`))).toEqual([]);
  });
});

/** Rows of tables whose first cell is code, but for heads. */
function documented(file: string): string[] {
  const rows = readFileSync(path(file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `') && !line.startsWith('| `-'));
  return rows.sort();
}

function path(file: string): URL {
  return new URL(`../../../docs/${file}`, import.meta.url);
}

function keyRows(keys: Keys<never>): string[] {
  return Object.entries(keys).map(
    ([key, { value, help }]) => `| \`${key}=${value.replaceAll('|', '\\|')}\` | ${help} |`,
  );
}
