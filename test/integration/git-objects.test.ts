import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { JettisonError } from '../../src/errors/error.ts';
import { Repository } from '../../src/git/git-repository.ts';
import { HostFiles } from '../../src/git/host-files.ts';
import { GitHistory } from '../support/git-history.ts';
import { findProgram } from '../support/machine-network.ts';
import { SEED } from '../support/seed.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample } from '../support/thorough.ts';

const whyNot = findProgram('git') === undefined ? 'git is not installed' : undefined;

function open(folder: string): Repository {
  const files = new HostFiles();
  onTestFinished(() => files.close());
  return Repository.of(files, folder, folder);
}

function writeSome(folder: string, count = 12): GitHistory {
  const history = new GitHistory(folder, SEED);
  const text = Array.from({ length: 300 }, (_, i) => `line ${i}`).join('\n');
  history.write({ 'large.txt': text });
  history.commit('first');
  for (let i = 0; i < count; i++) {
    history.write({ 'large.txt': text.replace(`line ${i * 7}`, `changed ${i}`), 'a/b/c.txt': `${i}` });
    history.change(['src', 'lib'], ['large.txt']);
    history.commit(`commit ${i}`);
  }
  return history;
}

/** Every path of every commit, with the mode and the content's name, as git lists them. */
function listedByGit(history: GitHistory): string[] {
  return history.firstParents().flatMap((commit) =>
    history
      .git('ls-tree', '-r', '-z', commit)
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => `${commit} ${line.replace(/^(\d+) \w+ (\w+)\t/, '$1 $2 ')}`),
  );
}

const MODES = { file: '100644', executable: '100755', symlink: '120000', module: '160000', directory: '' };

function listed(repository: Repository, start = 'HEAD'): string[] {
  const { commit } = repository.resolve(start);
  const found: string[][] = [];
  for (const { id, tree } of repository.firstParents(commit)) {
    const lines: string[] = [];
    const walk = (at: string, path: string) => {
      for (const line of repository.objects.tree(at)) {
        const name = `${path}${line.name}`;
        if (line.kind === 'directory') walk(line.id, `${name}/`);
        else lines.push(`${id} ${MODES[line.kind]} ${line.id} ${name}`);
      }
    };
    walk(tree, '');
    found.unshift(lines);
  }
  return found.flat();
}

describe.skipIf(whyNot !== undefined)('objects of a git repository', () => {
  test('loose ones are what git lists', () => {
    const history = writeSome(join(tempDir(), 'r'));
    const repository = open(history.folder);
    expect(listed(repository)).toEqual(listedByGit(history));
    const blob = history.git('rev-parse', 'HEAD:large.txt');
    expect(repository.objects.blob(blob).toString()).toBe(history.text('large.txt'));
  });

  const packings: [string, string[]][] = [
    ['with deltas by offset', []],
    ['with deltas by name', ['-c', 'repack.useDeltaBaseOffset=false']],
    ['without deltas', ['-c', 'pack.window=0']],
  ];
  test.each(sample(packings, 1))('packed %s they are, too', (_, config) => {
    const history = writeSome(join(tempDir(), 'r'), 20);
    history.git(...config, 'repack', '-q', '-a', '-d', '-f', '--depth=50', '--window=50');
    history.git('pack-refs', '--all');
    history.git('prune-packed', '-q');
    const repository = open(history.folder);
    expect(listed(repository)).toEqual(listedByGit(history));
    const blobs = history.firstParents().map((commit) => history.git('rev-parse', `${commit}:large.txt`));
    for (const blob of blobs) expect(repository.objects.blob(blob).length).toBeGreaterThan(2000);
  });

  test('of a repository with sha256', () => {
    const folder = join(tempDir(), 'r');
    mkdirSync(folder);
    execFileSync('git', ['init', '-q', '--object-format=sha256', '-b', 'main', folder]);
    const history = writeSome(folder, 4);
    history.git('gc', '-q');
    expect(history.firstParents()[0]).toHaveLength(64);
    expect(listed(open(folder))).toEqual(listedByGit(history));
  });

  test('of a clone that borrows them, and of a further working tree', () => {
    const folder = tempDir();
    const history = writeSome(join(folder, 'r'), 4);
    execFileSync('git', ['clone', '-q', '--shared', history.folder, join(folder, 'clone')]);
    expect(listed(open(join(folder, 'clone')))).toEqual(listedByGit(history));
    history.git('branch', 'other', 'HEAD~1');
    history.git('worktree', 'add', '-q', join(folder, 'tree'), 'other');
    const tree = open(join(folder, 'tree'));
    expect(tree.resolve('HEAD')).toEqual({ commit: history.git('rev-parse', 'other'), branch: 'other' });
    expect(listed(tree, 'main')).toEqual(listedByGit(history));
  });

  test('of a shallow clone: history ends where it was cut', () => {
    const folder = tempDir();
    const history = writeSome(join(folder, 'r'), 6);
    execFileSync('git', ['clone', '-q', '--depth=3', `file://${history.folder}`, join(folder, 'clone')]);
    const clone = open(join(folder, 'clone'));
    expect(clone.isShallow).toBe(true);
    expect([...clone.firstParents(clone.resolve('HEAD').commit)]).toHaveLength(3);
  });

  test('branches, tags and commits by their names', () => {
    const history = writeSome(join(tempDir(), 'r'), 4);
    history.git('tag', '-a', '-m', 'text', 'v1', 'HEAD~2');
    history.git('branch', 'feature/x', 'HEAD~1');
    const repository = open(history.folder);
    const before = history.git('rev-parse', 'HEAD~2');
    expect(repository.resolve('v1').commit).toBe(before);
    expect(repository.resolve('feature/x').commit).toBe(history.git('rev-parse', 'HEAD~1'));
    expect(repository.resolve(before).commit).toBe(before);
    history.git('pack-refs', '--all');
    expect(open(history.folder).resolve('v1').commit).toBe(before);
    expect(() => repository.resolve('nothing')).toThrow(/no branch "nothing"/);
    expect(() => repository.resolve('../../../etc/passwd')).toThrow(/no branch/);
    history.git('checkout', '-q', '--detach');
    expect(open(history.folder).resolve('HEAD')).toEqual({ commit: history.git('rev-parse', 'HEAD') });
  });

  test('a directory without a repository, and one without commits', () => {
    const folder = tempDir();
    // A folder of that name is not a repository.
    mkdirSync(join(folder, '.git'));
    expect(() => open(folder)).toThrow(/not in a git repository/);
    execFileSync('git', ['init', '-q', folder]);
    expect(() => open(folder).resolve('HEAD')).toThrow(/no commits yet/);
  });

  test('damage is an error, never another content', () => {
    const history = writeSome(join(tempDir(), 'r'), 8);
    history.git('gc', '-q', '--aggressive');
    const packs = join(history.folder, '.git/objects/pack');
    const pack = join(packs, readdirSync(packs).find((name) => name.endsWith('.pack'))!);
    const bytes = execFileSync('cat', [pack]);
    const truth = listedByGit(history);
    const index = pack.replace(/pack$/, 'idx');
    const indexBytes = execFileSync('cat', [index]);
    const spoil = (path: string, whole: Buffer, at: number) => {
      const spoiled = Buffer.from(whole);
      spoiled[at]! ^= 0x55;
      rmSync(path, { force: true });
      writeFileSync(path, spoiled);
      try {
        expect(listed(open(history.folder))).toEqual(truth);
      } catch (error) {
        expect(error).toBeInstanceOf(JettisonError);
        expect((error as JettisonError).code).toMatch(/^GIT_/);
      } finally {
        rmSync(path, { force: true });
        writeFileSync(path, whole);
      }
    };
    for (let at = 0; at < bytes.length; at += 97) spoil(pack, bytes, at);
    for (let at = 0; at < indexBytes.length; at += 53) spoil(index, indexBytes, at);
  });

  test('symbolic links among the folders of submodules do not lead around', () => {
    const history = writeSome(join(tempDir(), 'r'), 2);
    const modules = join(history.folder, '.git/modules');
    mkdirSync(modules);
    for (const name of ['a', 'b', 'c', 'd']) symlinkSync('.', join(modules, name));
    expect(listed(open(history.folder))).toEqual(listedByGit(history));
  });
});
