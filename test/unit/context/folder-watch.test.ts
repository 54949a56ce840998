import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FolderWatch } from '../../../src/context/folder-watch.ts';
import { rulesOf } from '../../../src/context/ignore.ts';
import { openLocalContext } from '../../../src/context/local.ts';
import { eventually } from '../../support/sandbox.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Watches a directory, and says which of its paths have changed since the last question. */
function watching(directory: string, ignore?: string) {
  const open = () =>
    openLocalContext({
      directory,
      ignore: rulesOf(ignore),
      own: [{ path: join(directory, 'image.tar'), what: 'an output' }],
    });
  const changed = new Set<string>();
  const watch = new FolderWatch(open(), (path) => changed.add(path));
  return {
    update: () => watch.update(open()),
    close: () => watch.close(),
    /** Waits until a path is reported. */
    async sees(path: string) {
      await eventually(`a change of "${path}"`, () => changed.has(path));
      const all = [...changed].sort();
      changed.clear();
      return all;
    },
  };
}

it('reports changed contents, modes, names, new and deleted files', async () => {
  const directory = tempDir();
  mkdirSync(join(directory, 'src/deep'), { recursive: true });
  writeFileSync(join(directory, 'src/deep/a'), '1');
  const watch = watching(directory);
  try {
    const a = join(directory, 'src/deep/a');
    for (const change of [
      () => writeFileSync(a, '2'),
      () => chmodSync(a, 0o755),
      () => renameSync(a, `${a}b`),
      () => writeFileSync(a, '3'),
      () => rmSync(a),
    ]) {
      change();
      expect(await watch.sees('src/deep/a')).toContain('src/deep/a');
    }
  } finally {
    watch.close();
  }
});

it('reports files of directories that came or were replaced after an update', async () => {
  const directory = tempDir();
  mkdirSync(join(directory, 'dist'));
  const watch = watching(directory);
  try {
    mkdirSync(join(directory, 'new/inner'), { recursive: true });
    expect(await watch.sees('new')).toEqual(['new']);
    watch.update();
    writeFileSync(join(directory, 'new/inner/file'), '');
    expect(await watch.sees('new/inner/file')).toEqual(['new/inner/file']);

    rmSync(join(directory, 'dist'), { recursive: true });
    mkdirSync(join(directory, 'dist'));
    await watch.sees('dist');
    watch.update();
    writeFileSync(join(directory, 'dist/out'), '');
    expect(await watch.sees('dist/out')).toEqual(['dist/out']);
  } finally {
    watch.close();
  }
});

it('does not report excluded files and outputs of the build', async () => {
  const directory = tempDir();
  mkdirSync(join(directory, 'logs'));
  const watch = watching(directory, 'logs\n*.md\n!keep.md\n');
  try {
    for (const name of ['logs/a', 'readme.md', 'image.tar', 'image.tar.123.partial', 'keep.md']) {
      writeFileSync(join(directory, name), '');
    }
    expect(await watch.sees('keep.md')).toEqual(['keep.md']);
  } finally {
    watch.close();
  }
});
