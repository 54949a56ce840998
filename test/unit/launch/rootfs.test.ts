import { describe, expect, it } from 'vitest';
import { fstab } from '../../../src/launch/mount-table.ts';
import { planRoot } from '../../../src/launch/rootfs.ts';
import type { RecipeEntry } from '../../../src/layer/entry.ts';
import { LayerIndex } from '../../../src/layer/layer-index.ts';
import { MergedTree } from '../../../src/layer/merged-tree.ts';
import type { ExecMount } from '../../../src/protocol/exec-request.ts';

const entry = (path: string, type: RecipeEntry['type'], more: Partial<RecipeEntry> = {}): RecipeEntry => ({
  path,
  type,
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  ...more,
});
const secret = (target: string): ExecMount => ({
  type: 'secret',
  target,
  data: '',
  mode: 0o400,
  uid: 0,
  gid: 0,
});

function plan(layers: RecipeEntry[][], mounts: ExecMount[] = [], isolation: 'root' | 'ranges' = 'root') {
  const indexed = layers.map((entries, i) => ({ id: `${i}`, index: LayerIndex.of(entries) }));
  const files = {
    dev: '/x/dev',
    hosts: '/x/hosts',
    resolvConf: '/x/resolv',
    bound: new Map(mounts.map((_, i) => [i, { source: `/x/${i}`, kind: 'file' as const }])),
  };
  return planRoot(indexed, new MergedTree(indexed), { mounts, readonlyFiles: true }, files, isolation);
}

describe('planRoot', () => {
  it('makes stubs only for mount points that the image lacks', () => {
    expect(plan([]).stubs.map(({ path }) => path)).toEqual([
      'dev',
      'etc',
      'etc/hosts',
      'etc/resolv.conf',
      'proc',
      'sys',
    ]);
    const image = ['dev', 'etc', 'proc', 'sys'].map((path) => entry(path, 'directory'));
    expect(plan([image]).stubs.map(({ path }) => path)).toEqual(['etc/hosts', 'etc/resolv.conf']);
  });

  it('follows symlinks of the image, never out of it', () => {
    const image = [
      entry('etc', 'symlink', { link: '../../conf' }),
      entry('run', 'symlink', { link: '/var/run' }),
    ];
    const { stubs, mounts } = plan([image], [secret('/run/secrets/a')]);
    expect(stubs.map(({ path }) => path)).toEqual([
      'conf',
      'conf/hosts',
      'conf/resolv.conf',
      'dev',
      'proc',
      'sys',
      'var',
      'var/run',
      'var/run/secrets',
      'var/run/secrets/a',
    ]);
    expect(mounts.map(({ target }) => target)).toContain('var/run/secrets/a');
  });

  it('puts stubs on top where a whiteout would hide them, with the image’s own directories as they are', () => {
    const base = [entry('etc', 'directory', { mode: 0o700, uid: 5 }), entry('etc/hosts', 'file')];
    const above = [entry('etc/hosts', 'whiteout')];
    const { stubs, stubsOnTop } = plan([base, above]);
    expect(stubsOnTop).toBe(true);
    expect(stubs.find(({ path }) => path === 'etc')).toMatchObject({ mode: 0o700, uid: 5 });
    expect(plan([base]).stubsOnTop).toBe(false);
  });

  it('mounts a target inside another mount after that mount', () => {
    const { mounts, nested } = plan(
      [],
      [{ type: 'tmpfs', target: '/a' }, secret('/a/b/c'), secret('/dev/d')],
    );
    expect(mounts.map(({ target }) => target)).toContain('a');
    expect(nested).toMatchObject([
      { point: { path: 'a/b/c', kind: 'file' }, mount: { target: 'a/b/c' } },
      { point: { path: 'dev/d', kind: 'file' }, mount: { target: 'dev/d' } },
    ]);
  });

  it.each(['/', '/proc/x', '/sys/a', '/etc', '/etc/hosts/x', '/file/x'])('refuses a file at %s', (target) => {
    const image = [entry('etc', 'directory'), entry('file', 'file')];
    expect(() => plan([image], [secret(target)])).toThrow(expect.objectContaining({ code: 'MOUNT_TARGET' }));
  });

  it('has no sysfs of its own inside a user namespace', () => {
    expect(plan([]).mounts.find(({ target }) => target === 'sys')).toMatchObject({ type: 'sysfs' });
    expect(plan([], [], 'ranges').mounts.find(({ target }) => target === 'sys')).toMatchObject({
      options: 'rbind',
    });
  });
});

describe('fstab', () => {
  it('writes one line a mount, blanks and backslashes in octal', () => {
    expect(
      fstab('/my root', [
        { source: 'tmpfs', target: 'a\\b', type: 'tmpfs', options: 'ro' },
        { target: 'c', type: 'none', options: 'bind,ro' },
        { source: 'overlay', target: '', type: 'overlay', options: 'lowerdir=a:b' },
      ]),
    ).toBe(
      'tmpfs /my\\040root/a\\134b tmpfs ro 0 0\n/my\\040root/c /my\\040root/c none bind,ro 0 0\noverlay /my\\040root overlay lowerdir=a:b 0 0\n',
    );
  });
});
