import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeTree } from '../../../src/store/remove-tree.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('a tree goes whatever modes it has, and nothing that its links lead to', () => {
  const folder = tempDir();
  const [tree, other] = [join(folder, 'tree'), join(folder, 'other')];
  mkdirSync(join(tree, 'upper/closed/inner'), { recursive: true });
  mkdirSync(other);
  for (const path of ['tree/file', 'tree/upper/closed/inner/file', 'other/file'])
    writeFileSync(join(folder, path), '');
  symlinkSync(other, join(tree, 'link'));
  symlinkSync(other, join(tree, 'upper/closed/link'));
  for (const path of ['upper/closed/inner', 'upper/closed', 'upper']) chmodSync(join(tree, path), 0);
  removeTree(tree);
  expect([existsSync(tree), existsSync(join(other, 'file'))]).toEqual([false, true]);
  removeTree(tree);
});

test('a link goes, and not the folder that it leads to', () => {
  const folder = tempDir();
  mkdirSync(join(folder, 'other'));
  symlinkSync('other', join(folder, 'link'));
  removeTree(join(folder, 'link'));
  expect([existsSync(join(folder, 'link')), existsSync(join(folder, 'other'))]).toEqual([false, true]);
});
