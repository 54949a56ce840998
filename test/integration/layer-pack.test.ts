import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import type { RecipeEntry } from '../../src/layer/entry.ts';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import { materialise } from '../../src/worker/layers/materialise.ts';
import { pack } from '../../src/worker/layers/pack.ts';
import { remove } from '../../src/worker/layers/remove.ts';
import { unpack } from '../../src/worker/layers/unpack.ts';
import { getXattr } from '../../src/worker/native.ts';
import { tempDir } from '../support/temp-dir.ts';
import { asRoot, emptyStore, identity, layerOf } from './layer-fixture.ts';

const owner = asRoot ? { uid: 1000, gid: 50 } : { uid: process.getuid!(), gid: process.getgid!() };
const none = { uid: 0, gid: 0 };

/** A file of a build context, with its entry. */
function contextFile(
  folder: string,
  path: string,
  content: string,
  more: Partial<RecipeEntry> = {},
): RecipeEntry {
  const file = join(folder, path.replaceAll('/', '_'));
  writeFileSync(file, content);
  utimesSync(file, 1_600_000_000, 1_600_000_000);
  return {
    path,
    type: 'file',
    mode: 0o644,
    ...none,
    size: Buffer.byteLength(content),
    mtime: 1_600_000_000,
    digest: sha256(content).slice(7),
    source: { kind: 'host', path: file },
    ...more,
  };
}

/** One of everything. */
function samples(folder: string): RecipeEntry[] {
  const directory = { type: 'directory', mode: 0o750, ...none, size: 0, mtime: 5 } as const;
  const file = contextFile(folder, 'dir/file', 'content', { mode: asRoot ? 0o4755 : 0o755, ...owner });
  const entries: RecipeEntry[] = [
    { path: 'dir', ...directory },
    file,
    { ...file, path: 'dir/z', type: 'hardlink', link: 'dir/file' },
    contextFile(folder, 'empty', '', { xattrs: { 'user.a': 'MQ==' } }),
    contextFile(folder, 'implied/by/this', 'x'.repeat(3000)),
    { path: 'link', type: 'symlink', mode: 0o777, ...none, size: 0, mtime: 7, link: '../other' },
    {
      path: 'made',
      type: 'file',
      mode: 0o600,
      ...none,
      size: 2,
      mtime: 0,
      source: { kind: 'inline', data: 'aGk=' },
    },
  ];
  if (asRoot) {
    entries.push({ path: 'gone', type: 'whiteout', mode: 0, ...none, size: 0, mtime: 0 });
    entries.push({ path: 'opaque', ...directory, opaque: true });
  }
  return entries;
}

const withoutSources = (entries: Iterable<RecipeEntry>) =>
  [...entries].map(({ source: _, ...entry }) => entry);

describe('pack', () => {
  it('gives the same bytes from a recipe as from the directory that the recipe makes', async () => {
    const ctx = emptyStore();
    const { layer, recipe } = layerOf(ctx, samples(tempDir()));
    const packed = await pack(ctx, { layer, recipe });
    const blob = readFileSync(ctx.layout.blob(packed.blob.digest));
    expect(sha256(blob)).toBe(packed.blob.digest);
    expect(blob.length).toBe(packed.blob.size);
    expect(sha256(gunzipSync(blob))).toBe(packed.diffId);
    // Known now: not even the recipe is needed.
    expect(await pack(ctx, { layer })).toEqual(packed);

    await materialise(ctx, { layer, recipe });
    rmSync(ctx.layout.layerBlob(layer));
    expect(await pack(ctx, { layer })).toEqual(packed);
  });

  it('makes a tar that unpacks to the same layer', async () => {
    const ctx = emptyStore();
    const { layer, recipe } = layerOf(ctx, samples(tempDir()));
    const { blob, diffId } = await pack(ctx, { layer, recipe });
    const again = identity('image');
    const expect_ = { digest: blob.digest, diffId };
    const path = ctx.layout.blob(blob.digest);
    await unpack(ctx, { layer: again, path, expect: expect_, whiteouts: true, directory: asRoot });
    const [first, second] = [layer, again.id].map((id) => {
      const index = LayerIndex.parse(readFileSync(ctx.layout.layerIndex(id)));
      return withoutSources(index.entries()).map(({ digest: _, ...entry }) => entry);
    });
    expect(second).toEqual(first);
  });

  it('is listed and extracted by tar', async (test) => {
    if (!asRoot) test.skip('only root may give files away');
    const ctx = emptyStore();
    const { layer, recipe } = layerOf(ctx, samples(tempDir()));
    const { blob } = await pack(ctx, { layer, recipe });
    const file = ctx.layout.blob(blob.digest);
    const listing = execFileSync('tar', ['--numeric-owner', '--utc', '-tvzf', file], { encoding: 'utf8' });
    const lines = listing
      .trim()
      .split('\n')
      .map((line) => line.split(/ +/));
    expect(lines.map((line) => [line[0], line[1], line.slice(5).join(' ')])).toEqual([
      ['drwxr-x---', '0/0', 'dir/'],
      ['-rwsr-xr-x', '1000/50', 'dir/file'],
      ['hrwsr-xr-x', '1000/50', 'dir/z link to dir/file'],
      ['-rw-r--r--', '0/0', 'empty'],
      ['----------', '0/0', '.wh.gone'],
      ['-rw-r--r--', '0/0', 'implied/by/this'],
      ['lrwxrwxrwx', '0/0', 'link -> ../other'],
      ['-rw-------', '0/0', 'made'],
      ['drwxr-x---', '0/0', 'opaque/'],
      ['----------', '0/0', 'opaque/.wh..wh..opq'],
    ]);
    const out = tempDir();
    execFileSync('tar', ['--numeric-owner', '--xattrs', '--xattrs-include=*', '-C', out, '-xzf', file]);
    const stat = lstatSync(join(out, 'dir/file'));
    expect([stat.mode & 0o7777, stat.uid, stat.gid, stat.nlink, stat.mtimeMs]).toEqual([
      0o4755, 1000, 50, 2, 1_600_000_000_000,
    ]);
    expect(readFileSync(join(out, 'made'), 'utf8')).toBe('hi');
    expect(getXattr(join(out, 'empty'), 'user.a')?.toString()).toBe('1');
  });

  it('clamps times and keeps the original layer', async () => {
    const ctx = emptyStore();
    const { layer, recipe } = layerOf(ctx, samples(tempDir()));
    const clamped = await pack(ctx, { layer, recipe, clampTime: 1 });
    const plain = await pack(ctx, { layer, recipe });
    expect(clamped.diffId).not.toBe(plain.diffId);
    expect(await pack(ctx, { layer, recipe, clampTime: 1 })).toEqual(clamped);
    expect(await pack(ctx, { layer })).toEqual(plain);
  });

  it('has no bytes that depend on the number of threads', async () => {
    const folder = tempDir();
    const script = join(folder, 'script.ts');
    const gzip = new URL('../../src/layer/gzip.ts', import.meta.url).pathname;
    writeFileSync(
      script,
      `import { GzipWriter } from ${JSON.stringify(gzip)};
       const writer = new GzipWriter(() => {}, (bytes) => process.stdout.write(bytes));
       for (let i = 0; i < 400000; i++) {
         writer.write(Buffer.from('line ' + i * 7919 % 10007 + '\\n'));
         if (writer.full) await writer.drain();
       }
       await writer.end();`,
    );
    const bundle = await rolldown({ input: script, platform: 'node' });
    await bundle.write({ file: join(folder, 'script.mjs'), format: 'esm' });
    const digests = ['1', '2', '7'].map((UV_THREADPOOL_SIZE) =>
      sha256(
        execFileSync(process.execPath, [join(folder, 'script.mjs')], {
          env: { ...process.env, UV_THREADPOOL_SIZE },
          maxBuffer: 1 << 26,
        }),
      ),
    );
    expect(new Set(digests).size).toBe(1);
  });

  it.each([
    ['grew', (file: string) => writeFileSync(file, 'content and more')],
    ['shrank', (file: string) => writeFileSync(file, 'c')],
    ['has other content', (file: string) => writeFileSync(file, 'CONTENT')],
  ])('names a file of the context that %s, and stores nothing', async (_what, change) => {
    const ctx = emptyStore();
    const folder = tempDir();
    const { layer, recipe } = layerOf(ctx, samples(folder));
    change(join(folder, 'dir_file'));
    for (const operation of [pack(ctx, { layer, recipe }), materialise(ctx, { layer, recipe })]) {
      await expect(operation).rejects.toMatchObject({
        code: 'CONTEXT_CHANGED',
        details: { path: join(folder, 'dir_file') },
      });
    }
    expect(existsSync(ctx.layout.layerDirectory(layer, ctx.forms[0]))).toBe(false);
    expect(existsSync(ctx.layout.layerBlob(layer))).toBe(false);
  });
});

describe('materialise', () => {
  it('writes the files of the recipe, once', async () => {
    const ctx = emptyStore();
    const folder = tempDir();
    const { layer, recipe } = layerOf(ctx, samples(folder));
    await materialise(ctx, { layer, recipe });
    const dir = ctx.layout.layerDirectory(layer, ctx.forms[0]);
    const file = lstatSync(join(dir, 'dir/file'));
    expect([file.mode & 0o7777, file.uid, file.gid, file.nlink]).toEqual([
      asRoot ? 0o4755 : 0o755,
      owner.uid,
      owner.gid,
      2,
    ]);
    expect(file.mtimeMs).toBe(1_600_000_000_000);
    expect(lstatSync(join(dir, 'dir')).mtimeMs).toBe(5000);
    expect(lstatSync(join(dir, 'implied/by')).mtimeMs).toBe(0);
    expect(readFileSync(join(dir, 'made'), 'utf8')).toBe('hi');
    rmSync(folder, { recursive: true });
    await materialise(ctx, { layer, recipe });
  });

  it('shares no file with another layer', async () => {
    const ctx = emptyStore();
    const first = layerOf(ctx, samples(tempDir()));
    await materialise(ctx, first);
    const index = LayerIndex.parse(readFileSync(ctx.layout.layerIndex(first.layer)));
    const from = (path: string, as: string): RecipeEntry => {
      return { ...index.get(path)!, path: as, source: { kind: 'layer', layer: first.layer, path } };
    };
    const second = layerOf(ctx, [from('implied/by/this', 'same'), from('implied/by/this', 'same-again')]);
    await materialise(ctx, second);
    const directory = ctx.layout.layerDirectory(second.layer, ctx.forms[0]);
    for (const name of ['same', 'same-again']) expect(lstatSync(join(directory, name)).nlink).toBe(1);
  });

  it('refuses a file of a layer that has changed on disk', async () => {
    const ctx = emptyStore();
    const content = 'large '.repeat(400_000);
    const folder = tempDir();
    const first = layerOf(ctx, [
      contextFile(folder, 'large', content),
      contextFile(folder, 'small', 'small'),
    ]);
    await materialise(ctx, first);
    const directory = ctx.layout.layerDirectory(first.layer, ctx.forms[0]);
    const index = LayerIndex.parse(readFileSync(ctx.layout.layerIndex(first.layer)));
    for (const path of ['large', 'small']) {
      const stored = readFileSync(join(directory, path), 'utf8');
      writeFileSync(join(directory, path), stored.replace('l', 'm'));
      const source = { kind: 'layer', layer: first.layer, path } as const;
      const other = layerOf(ctx, [{ ...index.get(path)!, path: `copy-of-${path}`, source }]);
      await expect(materialise(ctx, other)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    }
  });

  it('copies large files, and sees when they changed', async () => {
    const ctx = emptyStore();
    const folder = tempDir();
    const content = 'large '.repeat(400_000);
    const { layer, recipe } = layerOf(ctx, [contextFile(folder, 'large', content, { mtime: 77 })]);
    await materialise(ctx, { layer, recipe });
    const copy = join(ctx.layout.layerDirectory(layer, ctx.forms[0]), 'large');
    expect(sha256(readFileSync(copy))).toBe(sha256(content));
    expect(lstatSync(copy).mtimeMs).toBe(77_000);

    const other = layerOf(ctx, [contextFile(folder, 'large', content)]);
    writeFileSync(join(folder, 'large'), content.toUpperCase());
    await expect(materialise(ctx, other)).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
  });
});

describe('remove', () => {
  it('deletes trees of the store and nothing else', async () => {
    const ctx = emptyStore();
    const inside = join(ctx.layout.layers, 'x');
    mkdirSync(join(inside, 'deep/er'), { recursive: true });
    const outside = tempDir();
    execFileSync('ln', ['-s', outside, join(ctx.layout.layers, 'out')]);
    writeFileSync(join(outside, 'kept'), '');
    const refused = [
      outside,
      ctx.layout.home,
      '/',
      join(ctx.layout.layers, 'out/kept'),
      join(inside, '../../..'),
    ];
    for (const path of refused) await expect(remove(ctx, { paths: [path] })).rejects.toThrow(/not inside/);
    await remove(ctx, {
      paths: [inside, join(ctx.layout.layers, 'out'), join(ctx.layout.layers, 'none/at/all')],
    });
    expect(existsSync(inside)).toBe(false);
    expect(existsSync(join(outside, 'kept'))).toBe(true);
  });
});
