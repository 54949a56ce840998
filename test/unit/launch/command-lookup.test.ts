import { describe, expect, it } from 'vitest';
import { findUnstartable } from '../../../src/launch/command-lookup.ts';
import type { RecipeEntry } from '../../../src/layer/entry.ts';
import { LayerIndex } from '../../../src/layer/layer-index.ts';
import { MergedTree } from '../../../src/layer/merged-tree.ts';

const entry = (path: string, more: Partial<RecipeEntry> = {}): RecipeEntry => ({
  path,
  type: 'file',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  ...more,
});
const tree = (...entries: RecipeEntry[]) => new MergedTree([{ id: 'a', index: LayerIndex.of(entries) }]);
const path = (value: string) => ({ plain: [`PATH=${value}`], guarded: [] });

const root = tree(
  entry('bin', { type: 'symlink', link: 'usr/bin' }),
  entry('usr/bin/node'),
  entry('usr/bin/sh', { type: 'symlink', link: '/opt/../usr/bin/node' }),
  entry('usr/bin/dangling', { type: 'symlink', link: 'nowhere' }),
  entry('etc/text', { mode: 0o644 }),
  entry('usr/local/bin/text', { mode: 0o644 }),
  entry('app/run'),
);

describe('findUnstartable', () => {
  it.each([
    ['node', '/usr/local/bin:/bin', '/'],
    ['sh', '/bin', '/'],
    ['/bin/sh', '', '/'],
    ['./run', '', '/app'],
    ['run', 'x:', '/app'],
    ['../app/run', '', '/etc'],
  ])('finds %s with PATH=%s in %s', (command, value, cwd) => {
    expect(findUnstartable(root, command, path(value), cwd)).toBeUndefined();
  });

  it.each([
    ['nope', '/bin', 127],
    ['dangling', '/bin', 127],
    ['text', '/usr/local/bin:/bin', 126],
    ['/etc/text', '', 126],
    ['/etc', '', 126],
    ['/etc/none', '', 127],
    ['./run', '', 127],
  ])('does not find %s with PATH=%s', (command, value, exitCode) => {
    expect(findUnstartable(root, command, path(value), '/')).toMatchObject({ exitCode });
  });
});
