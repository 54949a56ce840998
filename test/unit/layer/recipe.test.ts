import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RecipeEntry } from '../../../src/layer/entry.ts';
import { readRecipe, writeRecipe } from '../../../src/layer/recipe.ts';
import { tempDir } from '../../support/temp-dir.ts';

it('reads back recipes longer than one read', () => {
  const folder = tempDir();
  const entries = Array.from(
    { length: 6000 },
    (_, i): RecipeEntry => ({
      path: `${i} ${'é\n'.repeat(i % 50)}\udc80`,
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: i,
      mtime: i,
      source: { kind: 'host', path: `/somewhere/${i}` },
    }),
  );
  const path = join(folder, 'recipe');
  for (const list of [entries, []]) {
    writeRecipe(path, list);
    expect([...readRecipe(path)]).toEqual(list);
  }
});
