import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import type { RecipeEntry } from '../../src/layer/entry.ts';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import { type IndexedLayer, MergedTree } from '../../src/layer/merged-tree.ts';
import { scanUpper } from '../../src/worker/layers/scan-upper.ts';
import { unpack } from '../../src/worker/layers/unpack.ts';
import { mount, unmount } from '../../src/worker/native.ts';
import type { WorkerContext } from '../../src/worker/worker-context.ts';
import { tempDir } from '../support/temp-dir.ts';
import { asRoot, emptyStore, identity, type TarMember, tarFile } from './layer-fixture.ts';

async function makeLayer(ctx: WorkerContext, members: TarMember[]): Promise<IndexedLayer> {
  const layer = identity('image');
  await unpack(ctx, { layer, path: tarFile(members), whiteouts: true, directory: true });
  return { id: layer.id, index: LayerIndex.parse(readFileSync(ctx.layout.layerIndex(layer.id))) };
}

/** Runs a script in an overlay of the layers, and scans what it changed. */
async function change(
  ctx: WorkerContext,
  layers: IndexedLayer[],
  script: string,
): Promise<{ entries: RecipeEntry[]; upper: string }> {
  const folder = tempDir();
  const [upper, work, root] = ['upper', 'work', 'root'].map((name) => join(folder, name));
  for (const path of [upper!, work!, root!]) mkdirSync(path);
  chmodSync(upper!, 0o755);
  const lower = layers.map(({ id }) => ctx.layout.layerDirectory(id, ctx.forms[0])).reverse();
  mount(
    'overlay',
    root!,
    'overlay',
    0,
    `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},index=off,redirect_dir=off,metacopy=off`,
  );
  let mounted = true;
  const end = () => {
    if (mounted) unmount(root!);
    mounted = false;
  };
  onTestFinished(end);
  execFileSync('/bin/sh', ['-euc', script], { cwd: root! });
  end();
  return { entries: await scanUpper(ctx, { upper: upper!, lower: new MergedTree(layers) }), upper: upper! };
}

/** `path type detail` of every entry. */
const shown = (entries: RecipeEntry[]) =>
  entries.map(
    ({ path, type, link, opaque }) => `${path} ${type}${link ? ` -> ${link}` : ''}${opaque ? ' opaque' : ''}`,
  );

describe('scanUpper', () => {
  let ctx: WorkerContext;
  let base: IndexedLayer;

  beforeEach(async (test) => {
    if (!asRoot) test.skip('only root may mount an overlay of this kind');
    ctx = emptyStore();
    base = await makeLayer(ctx, [
      { path: 'etc', type: 'directory' },
      { path: 'etc/passwd', content: 'root' },
      { path: 'etc/shadow', content: 'secret', mode: 0o600, uid: 3, gid: 4 },
      { path: 'srv', type: 'directory' },
      { path: 'srv/a', content: '1' },
      { path: 'srv/b', type: 'hardlink', link: 'srv/a' },
      { path: 'srv/deep', type: 'directory' },
      { path: 'srv/deep/file', content: '2' },
      { path: 'link', type: 'symlink', link: 'etc' },
    ]);
  });

  it('finds nothing when nothing was changed, and leaves nothing', async () => {
    const { entries, upper } = await change(
      ctx,
      [base],
      // Both are copied up: one is only opened, the other gets its old owner again.
      'touch -r etc/passwd t; : >> etc/passwd; touch -r t etc/passwd; rm t; chown 3:4 etc/shadow; touch -d @1600000000 etc',
    );
    expect(shown(entries)).toEqual([]);
    expect(readdirSync(upper)).toEqual([]);
  });

  it('lists created and changed files, with their parent directories', async () => {
    const { entries } = await change(
      ctx,
      [base],
      `echo new > srv/deep/new; chown 7:8 srv/deep/new; chmod 4711 srv/deep/new; touch -d @5.000000007 srv/deep/new
       chmod 640 etc/passwd; ln -s x srv/s; mkfifo srv/p; mknod srv/n c 1 3`,
    );
    expect(shown(entries)).toEqual([
      'etc directory',
      'etc/passwd file',
      'srv directory',
      'srv/deep directory',
      'srv/deep/new file',
      'srv/n char',
      'srv/p fifo',
      'srv/s symlink -> x',
    ]);
    const found = entries.find(({ path }) => path === 'srv/deep/new')!;
    expect(found).toMatchObject({ mode: 0o4711, uid: 7, gid: 8, mtime: 5, mtimeNs: 7, size: 4 });
    expect(found.digest).toBe(sha256('new\n').slice(7));
    expect(entries.find(({ path }) => path === 'srv/n')?.device).toEqual({ major: 1, minor: 3 });
    expect(entries.find(({ path }) => path === 'etc/passwd')).toMatchObject({ mode: 0o640, size: 4 });
  });

  it('lists deletions and replacements', async () => {
    const { entries } = await change(
      ctx,
      [base],
      `rm etc/passwd; rm -r srv/deep; echo file > srv/deep
       rm -r etc; mkdir etc; echo x > etc/passwd
       rm link; mkdir link; echo y > link/in; echo gone > passing; rm passing`,
    );
    expect(shown(entries)).toEqual([
      'etc directory opaque',
      'etc/passwd file',
      'link directory',
      'link/in file',
      'srv directory',
      'srv/deep file',
    ]);
    const plain = await change(ctx, [base], 'rm -r srv/deep link');
    expect(shown(plain.entries)).toEqual(['link whiteout', 'srv directory', 'srv/deep whiteout']);
  });

  it('keeps hard links, and drops sockets', async () => {
    const { entries, upper } = await change(
      ctx,
      [base],
      `echo 1 > z; ln z a; ln z srv/m; ln srv/deep/file srv/deep/other
       ${process.execPath} -e 'require("net").createServer().listen("sock", () => process.exit())'; test -S sock`,
    );
    expect(shown(entries)).toEqual([
      'a file',
      'srv directory',
      'srv/deep directory',
      'srv/deep/file file',
      'srv/deep/other hardlink -> srv/deep/file',
      'srv/m hardlink -> a',
      'z hardlink -> a',
    ]);
    expect(existsSync(join(upper, 'sock'))).toBe(false);
  });

  it('lists the root only when the command changed it', async () => {
    expect(shown((await change(ctx, [base], 'touch .')).entries)).toEqual([]);
    const { entries } = await change(ctx, [base], 'chmod 700 .');
    expect(entries).toMatchObject([{ path: '', type: 'directory', mode: 0o700 }]);
  });

  it('makes layers in which the next command finds its files', async () => {
    const first = await change(
      ctx,
      [base],
      'rm -r etc; mkdir etc; echo x > etc/new; rm srv/a; echo "in" > srv/deep/file; mkdir empty',
    );
    const id = 'second';
    mkdirSync(ctx.layout.layer(id));
    execFileSync('cp', ['-a', first.upper, ctx.layout.layerDirectory(id, ctx.forms[0])]);
    const second: IndexedLayer = { id, index: LayerIndex.of(first.entries) };
    const expected = 'empty\netc\netc/new\nlink\nsrv\nsrv/b\nsrv/deep\nsrv/deep/file\n';
    const { entries } = await change(
      ctx,
      [base, second],
      `test "$(find * | LC_ALL=C sort)" = "$(printf '${expected}')"; rm etc/new; echo x > etc/new; rmdir empty`,
    );
    expect(shown(entries)).toEqual(['empty whiteout', 'etc directory', 'etc/new file']);
    const tree = new MergedTree([base, second, { id: 'third', index: LayerIndex.of(entries) }]);
    expect(tree.children('')).toEqual(['etc', 'link', 'srv']);
    expect(tree.children('etc')).toEqual(['new']);
  });

  it('gives files their owners where the disk has only one', async () => {
    const folder = tempDir();
    execFileSync('/bin/sh', ['-ec', 'mkdir etc; echo changed > etc/shadow; echo n > etc/new'], {
      cwd: folder,
    });
    const single = { ...ctx, overlay: 'user', singleId: true } as const;
    const entries = await scanUpper(single, { upper: folder, lower: new MergedTree([base]) });
    const owners = entries.map(({ path, uid, gid }) => [path, uid, gid]);
    expect(owners).toContainEqual(['etc/shadow', 3, 4]);
    expect(owners).toContainEqual(['etc/new', 0, 0]);
  });
});
