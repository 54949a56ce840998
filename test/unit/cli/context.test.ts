import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Io } from '../../../src/cli/command.ts';
import { command } from '../../../src/cli/commands/context.ts';
import { tempDir } from '../../support/temp-dir.ts';

let cwd: string;
beforeEach(() => {
  cwd = tempDir();
  for (const [path, text] of Object.entries({
    'src/a.ts': 'a'.repeat(1500),
    'src/b.ts': 'b',
    'node_modules/x/index.js': 'x',
    'node_modules/keep/index.js': 'keep',
    '.dockerignore': '# what the build must not see\nnode_modules\n!node_modules/keep\n.dockerignore\n',
  })) {
    mkdirSync(join(cwd, path, '..'), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }
  mkdirSync(join(cwd, 'empty'));
  symlinkSync('src/a.ts', join(cwd, 'link'));
});

async function run(...args: string[]): Promise<string> {
  let text = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const { signal } = new AbortController();
  const io: Io = { stdin: process.stdin, stdout, stderr: stdout, env: {}, cwd, signal };
  expect(await command.run(args, io)).toBe(0);
  return text;
}

describe('context ls', () => {
  test('lists the files that a build may read', async () => {
    expect(await run('ls')).toBe(
      [
        '          empty/',
        '      0B  link -> src/a.ts',
        '      4B  node_modules/keep/index.js',
        '   1.5kB  src/a.ts',
        '      1B  src/b.ts',
        '   1.5kB  in 4 files',
        '',
      ].join('\n'),
    );
    expect(await run('ls', 'src')).toContain('a.ts');
  });

  test('says which line decides', async () => {
    expect(await run('ls', '--why', 'node_modules/x/index.js')).toBe(
      'node_modules/x/index.js: excluded by .dockerignore:2: node_modules\n',
    );
    expect(await run('ls', '--why', './node_modules/keep/')).toBe(
      'node_modules/keep: included by .dockerignore:3: !node_modules/keep\n',
    );
    expect(await run('ls', '--why', 'node_modules')).toBe(
      'node_modules: included, because a path below it is; by itself excluded by .dockerignore:2: node_modules\n',
    );
    expect(await run('ls', '--why', 'src')).toBe('src: included: no line matches it\n');
    // Also of what is not there (yet).
    expect(await run('ls', '--why', 'node_modules/none')).toContain('excluded by .dockerignore:2');
    await expect(run('ls', '--why', 'none')).rejects.toMatchObject({ code: 'CONTEXT_PATH_MISSING' });
  });

  test('the Dockerfile’s own ignore file comes first', async () => {
    writeFileSync(join(cwd, 'api.Dockerfile.dockerignore'), 'src\n');
    expect(await run('ls', '-f', 'api.Dockerfile', '--why', 'src/a.ts')).toBe(
      'src/a.ts: excluded by api.Dockerfile.dockerignore:1: src\n',
    );
  });

  test('a wrong command line is one', async () => {
    await expect(run()).rejects.toMatchObject({ exitCode: 2 });
    await expect(run('rm')).rejects.toMatchObject({ exitCode: 2 });
    await expect(run('ls', 'none')).rejects.toMatchObject({ code: 'CONTEXT_MISSING' });
  });
});
