import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseIgnore } from '../../../src/context/ignore.ts';
import { openLocalContext } from '../../../src/context/local.ts';
import { sha256 } from '../../../src/image/digest.ts';
import type { TreeEntry } from '../../../src/layer/tree.ts';
import { StoreLayout } from '../../../src/store/layout.ts';
import { recordText } from '../../../src/store/record-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

let base: string;
let directory: string;

beforeEach(() => {
  base = tempDir();
  directory = join(base, 'app');
  mkdirSync(directory);
});

function write(path: string, text = path): void {
  mkdirSync(join(directory, path, '..'), { recursive: true });
  writeFileSync(join(directory, path), text);
}

function open(ignore = '', memory?: StoreLayout) {
  return openLocalContext({
    directory,
    ignore: parseIgnore(ignore, '.dockerignore'),
    ...(memory && { memory }),
  });
}

function hexOf(text: string): string {
  return sha256(text).slice('sha256:'.length);
}

describe('the files of a local context', () => {
  test('owners are 0:0, modes and times are kept', () => {
    write('run.sh', 'hello');
    chmodSync(join(directory, 'run.sh'), 0o4750);
    utimesSync(join(directory, 'run.sh'), 5, new Date(-1250));
    expect(open().get('run.sh')).toEqual({
      path: 'run.sh',
      type: 'file',
      mode: 0o4750,
      uid: 0,
      gid: 0,
      size: 5,
      mtime: -2,
      mtimeNs: 750_000_000,
      source: { kind: 'host', path: join(directory, 'run.sh') },
    });
  });

  test('symlinks are shown, not followed', () => {
    write('a/file');
    symlinkSync('a', join(directory, 'link'));
    symlinkSync('/etc', join(directory, 'out'));
    const context = open();
    expect(context.get('link')).toMatchObject({ type: 'symlink', link: 'a', mode: 0o777 });
    expect(context.get('link/file')).toBeUndefined();
    expect(context.get('out/passwd')).toBeUndefined();
    expect(context.children('link')).toEqual([]);
  });

  test('names of one file know of each other', () => {
    write('a');
    linkSync(join(directory, 'a'), join(directory, 'b'));
    write('c');
    const context = open();
    expect(context.get('a')!.inode).toBe(context.get('b')!.inode);
    expect(context.get('c')!.inode).toBeUndefined();
  });

  test('keeps pipes, and shows a socket as an empty file, as BuildKit sends it', async () => {
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve));
    try {
      const context = open();
      expect(context.get('pipe')).toMatchObject({ type: 'fifo', size: 0 });
      const socket = context.get('socket')!;
      await context.hash([socket]);
      expect(socket).toMatchObject({
        ...{ type: 'file', size: 0, source: { kind: 'inline', data: '' } },
        digest: createHash('sha256').digest('hex'),
      });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('ignored paths are absent, included ones bring their parents', () => {
    for (const path of [
      'src/a',
      'node_modules/x/deep/keep',
      'node_modules/x/drop',
      'node_modules/y/drop',
      'Dockerfile',
    ]) {
      write(path);
    }
    const context = open('node_modules\nDockerfile\n!node_modules/x/deep/keep\n');
    expect(context.children('')).toEqual(['node_modules', 'src']);
    expect(context.children('node_modules')).toEqual(['x']);
    expect(context.children('node_modules/x')).toEqual(['deep']);
    expect(context.get('node_modules/x/drop')).toBeUndefined();
    expect(context.get('node_modules/y')).toBeUndefined();
    expect(context.get('Dockerfile')).toBeUndefined();
  });

  test('an unreadable directory matters only when it is read', (ctx) => {
    if (process.getuid?.() === 0) ctx.skip('root may read everything');
    write('private/file');
    chmodSync(join(directory, 'private'), 0);
    try {
      expect(open().children('')).toEqual(['private']);
      expect(() => open().children('private')).toThrow(
        expect.objectContaining({ code: 'CONTEXT_UNREADABLE' }),
      );
      expect(open('private').children('')).toEqual([]);
    } finally {
      chmodSync(join(directory, 'private'), 0o755);
    }
  });

  test('a missing directory and a file are errors', () => {
    write('file');
    const ignore = parseIgnore('', '');
    for (const path of [join(base, 'none'), join(directory, 'file')]) {
      expect(() => openLocalContext({ directory: path, ignore })).toThrow(
        expect.objectContaining({ code: 'CONTEXT_MISSING', hint: expect.any(String) }),
      );
    }
  });
});

describe('digests', () => {
  const LARGE = 'x'.repeat(600_000);
  let memory: StoreLayout;
  beforeEach(() => {
    memory = new StoreLayout(join(base, 'store'));
    write('small', 'small');
    write('large', LARGE);
    write('empty', '');
    // Old enough to be remembered.
    for (const name of ['small', 'large', 'empty']) utimesSync(join(directory, name), 1e9, 1e9);
  });

  async function hashes(...paths: string[]): Promise<(string | undefined)[]> {
    const context = open('', memory);
    const entries = paths.map((path) => context.get(path) as TreeEntry);
    await context.hash(entries);
    return entries.map(({ digest }) => digest);
  }

  function remembered(): string {
    const [name] = readdirSync(memory.contexts);
    return join(memory.contexts, name!);
  }

  /** Writes a memory file as a build long ago would have: the real stamps, and a digest of our choice. */
  async function rememberAs(digest: string): Promise<void> {
    const real = Date.now;
    Date.now = () => real() + 60_000;
    try {
      await hashes('small', 'large');
    } finally {
      Date.now = real;
    }
    const { checksum: _, ...facts } = JSON.parse(readFileSync(remembered(), 'utf8')) as { checksum: string };
    const body = JSON.stringify(facts).replace(hexOf('small'), digest);
    writeFileSync(remembered(), recordText(facts, body));
  }

  test('are sha256 of the content', async () => {
    expect(await hashes('small', 'large', 'empty')).toEqual([hexOf('small'), hexOf(LARGE), hexOf('')]);
  });

  test('are remembered while a file stays the same', async () => {
    await rememberAs('f'.repeat(64));
    expect(await hashes('small')).toEqual(['f'.repeat(64)]);
  });

  test('are made again when the content changed, even with the same size and time', async () => {
    await rememberAs('f'.repeat(64));
    writeFileSync(join(directory, 'small'), 'SMALL');
    utimesSync(join(directory, 'small'), 1e9, 1e9);
    expect(await hashes('small')).toEqual([hexOf('SMALL')]);
  });

  test('of files that changed just now are not remembered', async () => {
    write('young', 'young');
    await hashes('young');
    expect(() => readdirSync(memory.contexts)).toThrow();
  });

  test.each(['', '{', '[]', '{"version":1}', '{"version":1,"files":{"small":7}}', 'null'])(
    'a memory that holds %j counts as none',
    async (text) => {
      await rememberAs('f'.repeat(64));
      writeFileSync(remembered(), text);
      expect(await hashes('small')).toEqual([hexOf('small')]);
    },
  );

  test('a file that went or changed its size meanwhile is an error', async () => {
    for (const change of [
      () => rmSync(join(directory, 'small')),
      () => write('small', 'longer than before'),
    ]) {
      const context = open();
      const entry = context.get('small')!;
      change();
      await expect(context.hash([entry])).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
      write('small', 'small');
    }
  });

  test('a directory that became a symlink is not followed, neither for content nor for names', async () => {
    mkdirSync(join(base, 'outside'));
    for (const [name, size] of [
      ['file', 5],
      ['big', 400_000],
    ] as const) {
      write(`swapped/${name}`, 'x'.repeat(size));
      writeFileSync(join(base, 'outside', name), 'o'.repeat(size));
    }
    writeFileSync(join(base, 'outside', 'private'), '');
    const context = open();
    const entries = ['swapped/file', 'swapped/big'].map((path) => context.get(path)!);
    rmSync(join(directory, 'swapped'), { recursive: true });
    symlinkSync(join(base, 'outside'), join(directory, 'swapped'));
    for (const entry of entries) {
      await expect(context.hash([entry])).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
    }
    expect(() => context.children('swapped')).toThrow(expect.objectContaining({ code: 'CONTEXT_CHANGED' }));
  });

  test('a file that became a symlink is not followed', async () => {
    const context = open();
    const entry = context.get('small')!;
    rmSync(join(directory, 'small'));
    symlinkSync('empty', join(directory, 'small'));
    await expect(context.hash([entry])).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
  });
});
