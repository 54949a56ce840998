import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { lint } from '../../../src/build/lint.ts';
import { LINTED_ON, linted } from '../../support/linted.ts';

const FOLDER = new URL('../../data/dockerfiles/', import.meta.url);
const REPOSITORY = new URL('../../../', import.meta.url);
const EXAMPLES = readdirSync(new URL('examples/', REPOSITORY), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `examples/${name}`);
const names = readdirSync(FOLDER);

describe('well-made Dockerfiles', () => {
  test('are sixty or more', () => expect(names.length).toBeGreaterThanOrEqual(60));

  test.each(names)('%s has no finding above "info"', async (name) => {
    const found = await linted(readFileSync(new URL(name, FOLDER), 'utf8'));
    expect(found.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  test.each(EXAMPLES)('the project\'s example %s has no finding above "info"', async (path) => {
    const { findings, error } = await lint({
      context: fileURLToPath(new URL(path, REPOSITORY)),
      env: {},
      today: LINTED_ON,
    });
    expect(error).toBeUndefined();
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });
});
