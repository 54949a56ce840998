import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecipeEntry } from '../../src/layer/entry.ts';
import { writeRecipe } from '../../src/layer/recipe.ts';
import { materialise } from '../../src/worker/layers/materialise.ts';
import { pack, tar } from '../../src/worker/layers/pack.ts';
import { tempDir } from '../support/temp-dir.ts';
import { emptyStore, layerOf } from './layer-fixture.ts';

describe.each([
  ['small', 1000],
  ['large', (1 << 20) + 1000],
])('a %s file of the context whose directory is swapped for a symlink before it is copied', (_, size) => {
  /** A recipe of a file that has been selected, after somebody has swapped its directory for one with other files. */
  const swapped = (digest?: string): RecipeEntry => {
    const folder = tempDir();
    for (const [name, text] of [
      ['dir', 'i'],
      ['outside', 'o'],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), text.repeat(size));
      // As alike as whoever swaps them can make them.
      utimesSync(join(folder, name, 'file'), 1_600_000_000, 1_600_000_000);
    }
    renameSync(join(folder, 'dir'), join(folder, 'gone'));
    symlinkSync('outside', join(folder, 'dir'));
    const source = { kind: 'host', path: join(folder, 'dir', 'file') } as const;
    const facts = { type: 'file', mode: 0o644, uid: 0, gid: 0, size, mtime: 1_600_000_000 } as const;
    return { path: 'file', ...facts, source, ...(digest === undefined ? {} : { digest }) };
  };

  it.each([undefined, 'f'.repeat(64)])('is never read (digest %s)', async (digest) => {
    const ctx = emptyStore();
    const { layer, recipe } = layerOf(ctx, [swapped(digest)]);
    const changed = { code: 'CONTEXT_CHANGED' };
    await expect(materialise(ctx, { layer, recipe })).rejects.toMatchObject(changed);
    await expect(pack(ctx, { layer, recipe })).rejects.toMatchObject(changed);
    const path = join(tempDir(), 'tar');
    const again = join(tempDir(), 'recipe');
    writeRecipe(again, [swapped(digest)]);
    await expect(tar(ctx, { recipe: again, path })).rejects.toMatchObject(changed);
    expect(existsSync(path) ? readFileSync(path, 'latin1') : '').not.toContain('ooooo');
  });
});
