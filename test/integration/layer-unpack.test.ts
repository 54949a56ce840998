import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../src/image/digest.ts';
import type { RecipeEntry } from '../../src/layer/entry.ts';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import { read } from '../../src/worker/layers/read-files.ts';
import { unpack } from '../../src/worker/layers/unpack.ts';
import { getXattr } from '../../src/worker/native.ts';
import type { WorkerContext } from '../../src/worker/worker-context.ts';
import { works } from '../support/peers.ts';
import { asRoot, emptyStore, identity, type TarMember, tarFile } from './layer-fixture.ts';

async function unpacked(
  ctx: WorkerContext,
  members: TarMember[],
): Promise<{ dir: string; index: LayerIndex; id: string }> {
  const layer = identity('image');
  await unpack(ctx, { layer, path: tarFile(members), whiteouts: true, directory: true });
  const index = LayerIndex.parse(readFileSync(ctx.layout.layerIndex(layer.id)));
  return { dir: ctx.layout.layerDirectory(layer.id, ctx.forms[0]), index, id: layer.id };
}

const paths = (index: LayerIndex) => [...index.paths()];

describe('unpack', () => {
  it('writes owners, modes, times, links and content as the tar says', async (test) => {
    if (!asRoot) test.skip('only root may give files away');
    const ctx = emptyStore();
    const { dir, index } = await unpacked(ctx, [
      { path: 'd', type: 'directory', mode: 0o1777, mtime: 12 },
      { path: 'd/f', content: 'hello', mode: 0o4751, uid: 1000, gid: 50, mtime: -3 },
      { path: 'd/h', type: 'hardlink', link: 'd/f', mode: 0o4751, uid: 1000, gid: 50, mtime: -3 },
      { path: 'd/s', type: 'symlink', link: '/no/where', uid: 7, mtime: 99 },
      { path: 'dev/null', type: 'char', device: { major: 1, minor: 3 }, mode: 0o666 },
      { path: 'pipe', type: 'fifo', mode: 0o620 },
      { path: 'caps', content: 'x', xattrs: { 'user.note': Buffer.from('hi').toString('base64') } },
    ]);
    const d = lstatSync(join(dir, 'd'));
    expect([d.mode & 0o7777, d.mtimeMs]).toEqual([0o1777, 12_000]);
    const f = lstatSync(join(dir, 'd/f'));
    expect([f.mode & 0o7777, f.uid, f.gid, f.mtimeMs, f.nlink]).toEqual([0o4751, 1000, 50, -3000, 2]);
    expect(lstatSync(join(dir, 'd/h')).ino).toBe(f.ino);
    const s = lstatSync(join(dir, 'd/s'));
    expect([s.isSymbolicLink(), s.uid, s.mtimeMs]).toEqual([true, 7, 99_000]);
    const device = lstatSync(join(dir, 'dev/null'));
    expect([device.isCharacterDevice(), device.rdev, device.mode & 0o777]).toEqual([true, 0x103, 0o666]);
    expect(lstatSync(join(dir, 'pipe')).isFIFO()).toBe(true);
    expect(getXattr(join(dir, 'caps'), 'user.note')?.toString()).toBe('hi');
    // What is only implied: 0755, root's, at the beginning of time.
    const implied = lstatSync(join(dir, 'dev'));
    expect([implied.mode & 0o7777, implied.mtimeMs]).toEqual([0o755, 0]);
    expect(lstatSync(dir).mtimeMs).toBe(0);
    expect(index.get('dev')).toBeUndefined();
    expect(index.get('d/f')?.digest).toBe(sha256('hello').slice(7));
    expect(index.get('d/h')).toMatchObject({ type: 'hardlink', link: 'd/f', size: 5 });
  });

  it('writes deletions as overlayfs has them on disk', async (test) => {
    if (!asRoot) test.skip('whiteouts of this kind need root');
    const ctx = emptyStore();
    const { dir, index } = await unpacked(ctx, [
      { path: 'a/.wh.gone' },
      { path: 'o/.wh..wh..opq' },
      { path: 'o/new', content: '1' },
      { path: '.wh.r' },
      { path: 'r/x', content: '2' },
    ]);
    const whiteout = lstatSync(join(dir, 'a/gone'));
    expect([whiteout.isCharacterDevice(), whiteout.rdev]).toEqual([true, 0]);
    expect(getXattr(join(dir, 'o'), 'trusted.overlay.opaque')?.toString()).toBe('y');
    expect(getXattr(join(dir, 'r'), 'trusted.overlay.opaque')?.toString()).toBe('y');
    expect(readdirSync(dir).sort()).toEqual(['a', 'o', 'r']);
    expect([...index.entries()].map((entry) => [entry.path, entry.type, entry.opaque])).toEqual([
      ['a/gone', 'whiteout', undefined],
      ['o', 'directory', true],
      ['o/new', 'file', undefined],
      ['r', 'directory', true],
      ['r/x', 'file', undefined],
    ]);
  });

  it('never writes outside its root, for any member names', async () => {
    const ctx = emptyStore();
    const outside = join(ctx.layout.home, 'outside');
    const { dir, index } = await unpacked(ctx, [
      { path: 'up', type: 'symlink', link: '../../../../../../../../tmp' },
      { path: 'up/evil', content: '1' },
      { path: 'abs', type: 'symlink', link: outside },
      { path: 'abs/evil', content: '2' },
      { path: '/rooted//file', content: '3' },
      { path: 'self', type: 'symlink', link: '.' },
      { path: 'self/self/x', content: '4' },
    ]);
    expect(existsSync(outside)).toBe(false);
    expect(existsSync('/tmp/evil')).toBe(false);
    expect(readFileSync(join(dir, 'tmp/evil'), 'utf8')).toBe('1');
    expect(readFileSync(join(dir, outside, 'evil'), 'utf8')).toBe('2');
    expect(readFileSync(join(dir, 'x'), 'utf8')).toBe('4');
    expect(index.get('rooted/file')?.size).toBe(1);
    for (const members of [
      [{ path: '../evil', content: 'x' }],
      [{ path: 'a/../../evil', content: 'x' }],
      [{ path: 'link', type: 'hardlink', link: '../../../../../etc/passwd' }],
    ] as TarMember[][]) {
      await expect(unpacked(ctx, members)).rejects.toMatchObject({ code: 'TAR_ESCAPES' });
    }
  });

  it('does not change the mode of a file elsewhere through a hard link to a symlink', async () => {
    const ctx = emptyStore();
    const victim = tarFile([]);
    const before = lstatSync(victim).mode;
    const { dir } = await unpacked(ctx, [
      { path: 's', type: 'symlink', link: victim },
      { path: 't', type: 'hardlink', link: 's', mode: 0o7777 },
    ]);
    expect(readlinkSync(join(dir, 't'))).toBe(victim);
    expect(lstatSync(victim).mode).toBe(before);
  });

  it('lets later members replace earlier ones on disk as in the index', async () => {
    const ctx = emptyStore();
    const { dir, index } = await unpacked(ctx, [
      { path: 'a', content: 'first' },
      { path: 'b', type: 'hardlink', link: 'a' },
      { path: 'a', content: 'second' },
      { path: 'd/x', content: '1' },
      { path: 'd', content: 'now a file' },
      { path: 'e', type: 'symlink', link: 'nowhere' },
      { path: 'e', type: 'directory' },
      { path: 'e/y', content: '1' },
    ]);
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('second');
    expect(readFileSync(join(dir, 'b'), 'utf8')).toBe('first');
    expect(readFileSync(join(dir, 'd'), 'utf8')).toBe('now a file');
    expect(lstatSync(join(dir, 'e')).isDirectory()).toBe(true);
    expect(paths(index)).toEqual(['a', 'b', 'd', 'e', 'e/y']);
  });

  it('keeps names that are not UTF-8', async () => {
    const ctx = emptyStore();
    const { dir, index } = await unpacked(ctx, [{ path: 'caf\udce9', content: 'x' }]);
    expect(readdirSync(dir, { encoding: 'buffer' })[0]).toEqual(Buffer.from('caf\xe9', 'latin1'));
    expect(paths(index)).toEqual(['caf\udce9']);
  });

  it('leaves nothing behind when a digest is not the expected one', async () => {
    const ctx = emptyStore();
    const path = tarFile([{ path: 'a', content: 'x' }], gzipSync);
    const wrong: Digest = `sha256:${'0'.repeat(64)}`;
    for (const expect_ of [{ digest: wrong }, { diffId: wrong }]) {
      const layer = identity('image');
      const request = { layer, path, expect: expect_, whiteouts: true, directory: true };
      await expect(unpack(ctx, request)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    }
    truncateSync(path, 30);
    await expect(
      unpack(ctx, { layer: identity('image'), path, whiteouts: true, directory: true }),
    ).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' });
    expect(readdirSync(ctx.layout.layers)).toEqual([]);
    const own = readdirSync(ctx.layout.temporary);
    expect(own.flatMap((name) => readdirSync(join(ctx.layout.temporary, name)))).toEqual([]);
  });

  it('adds only the directory to a layer that has its index, and notes a blob of the store', async () => {
    const ctx = emptyStore();
    const archive = tarFile([{ path: 'a', content: 'x' }], gzipSync);
    const digest = sha256(readFileSync(archive));
    const path = ctx.layout.blob(digest);
    copyFileSync(archive, path);
    const layer = identity('image');
    const first = await unpack(ctx, { layer, path, expect: { digest }, whiteouts: true, directory: false });
    expect(existsSync(ctx.layout.layerDirectory(layer.id, ctx.forms[0]))).toBe(false);
    expect(JSON.parse(readFileSync(ctx.layout.layerBlob(layer.id), 'utf8')).blob.digest).toBe(digest);
    // Read while there is no directory: out of the blob.
    const source = { kind: 'layer', layer: layer.id, path: 'a' } as const;
    expect(Buffer.from(await read(ctx, { source, limit: 10 })).toString()).toBe('x');
    await expect(read(ctx, { source, limit: 0 })).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
    const second = await unpack(ctx, { layer, path, whiteouts: true, directory: true });
    expect(second).toEqual(first);
    expect(readFileSync(join(ctx.layout.layerDirectory(layer.id, ctx.forms[0]), 'a'), 'utf8')).toBe('x');
    expect(Buffer.from(await read(ctx, { source, limit: 10 })).toString()).toBe('x');
  });

  it.for(['zstd', 'xz', 'bzip2'])('reads %s', async (program, test) => {
    if (!works(program, '--help')) return test.skip(`${program} is not installed`);
    const ctx = emptyStore();
    const layer = identity('archive');
    const compress = (input: Buffer) => execFileSync(program, ['-c'], { input });
    const path = tarFile([{ path: '.wh.kept', content: program }], compress);
    await unpack(ctx, { layer, path, whiteouts: false, directory: true });
    expect(readFileSync(join(ctx.layout.layerDirectory(layer.id, ctx.forms[0]), '.wh.kept'), 'utf8')).toBe(
      program,
    );
  });

  it('reads every format of GNU tar', async () => {
    const ctx = emptyStore();
    const { dir, index } = await unpacked(ctx, [
      { path: `${'long/'.repeat(40)}name`, content: 'x'.repeat(3000), mtime: 1_500_000_000 },
      { path: 'ümläut', content: '' },
      { path: 'link', type: 'symlink', link: 't/'.repeat(80) },
      { path: 'again', type: 'hardlink', link: 'ümläut' },
      { path: 'empty', type: 'directory' },
    ]);
    // Here they belong to whoever runs the tests.
    const ROOT = ['--numeric-owner', '--owner=0', '--group=0'];
    const comparable = (entries: Iterable<RecipeEntry>) => [...entries].filter((e) => e.type !== 'directory');
    for (const format of ['gnu', 'pax', 'posix']) {
      const path = join(ctx.layout.temporary, `${format}.tar`);
      execFileSync('tar', ['-C', dir, `--format=${format}`, ...ROOT, '-cf', path, '.']);
      const layer = identity('archive');
      await unpack(ctx, { layer, path, whiteouts: false, directory: false });
      const again = LayerIndex.parse(readFileSync(ctx.layout.layerIndex(layer.id)));
      expect(comparable(again.entries())).toEqual(comparable(index.entries()));
    }
  });
});
