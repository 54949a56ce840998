import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseIgnore } from '../../../src/context/ignore.ts';
import { openLocalContext } from '../../../src/context/local.ts';
import { selectFiles } from '../../../src/fleet/file-selection.ts';
import { tempDir } from '../../support/temp-dir.ts';

function contextOf(files: Record<string, string>, ignore = '') {
  const directory = tempDir();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    if (content.startsWith('->')) symlinkSync(content.slice(2), join(directory, path));
    else writeFileSync(join(directory, path), content);
  }
  return openLocalContext({ directory, ignore: parseIgnore(ignore, '.dockerignore') });
}

const paths = (tree: ReturnType<typeof contextOf>, wanted: string[]) =>
  [...selectFiles(tree, wanted)].map(({ path }) => path);

describe('files for a builder', () => {
  const files = { 'a.txt': 'a', 'src/a.ts': 'a', 'src/b.js': 'b', 'src/deep/c.ts': 'c', 'other/d': 'd' };

  test('are all files, or those at and below the paths with the directories above', () => {
    const tree = contextOf(files);
    expect(paths(tree, [])).toEqual([
      ...['a.txt', 'other', 'other/d', 'src', 'src/a.ts', 'src/b.js', 'src/deep', 'src/deep/c.ts'],
    ]);
    expect(paths(tree, ['src/deep', '/a.txt'])).toEqual(['a.txt', 'src', 'src/deep', 'src/deep/c.ts']);
    expect(paths(tree, ['src/*.ts', 'missing'])).toEqual(['src', 'src/a.ts']);
    expect(paths(tree, ['*/deep/../a.ts'])).toEqual(['src', 'src/a.ts']);
    expect(paths(tree, ['.'])).toHaveLength(8);
  });

  test('are never those that are excluded or outside', () => {
    const tree = contextOf({ ...files, 'up.txt': '->../../etc/passwd', '.env': 'secret' }, '.env\nother\n');
    expect(paths(tree, ['.env', 'other/d', '../../etc/passwd', '/etc/passwd'])).toEqual([]);
    expect(paths(tree, ['up.txt'])).toEqual(['up.txt']);
    expect(paths(tree, [])).not.toContain('.env');
  });

  test('include the targets of symlinks; circles end', () => {
    const tree = contextOf({ ...files, 'link.ts': '->src/a.ts', dir: '->src', x: '->y', y: '->x' });
    expect(paths(tree, ['link.ts'])).toEqual(['link.ts', 'src', 'src/a.ts']);
    expect(paths(tree, ['dir/deep'])).toEqual(['dir', 'src', 'src/deep', 'src/deep/c.ts']);
    expect(paths(tree, ['x'])).toEqual(['x', 'y']);
  });
});
