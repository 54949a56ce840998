import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { linted } from '../../support/linted.ts';

const FOLDER = new URL('../../data/dockerfiles/', import.meta.url);
const names = readdirSync(FOLDER);

describe('well-made Dockerfiles', () => {
  test('are sixty or more', () => expect(names.length).toBeGreaterThanOrEqual(60));

  test.each(names)('%s has no finding above "info"', async (name) => {
    const found = await linted(readFileSync(new URL(name, FOLDER), 'utf8'));
    expect(found.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });
});
