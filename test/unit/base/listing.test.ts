import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Listing } from '../../../src/base/listing.ts';
import { sha256 } from '../../../src/image/digest.ts';
import { tempDir } from '../../support/temp-dir.ts';

let root: string;
let skipped: string[];

beforeEach(async () => {
  root = tempDir();
  skipped = [];
});

const newListing = () => new Listing(7, (path) => skipped.push(path));
const lines = (listing: Listing) =>
  listing
    .entries()
    .filter(({ path }) => path.startsWith(root.slice(1)) && path !== root.slice(1))
    .map(({ path, type, mode, link }) =>
      [path.slice(root.length), type, mode.toString(8), link].filter(Boolean).join(' '),
    );

describe('Listing', () => {
  test('takes every symlink on the way to a file', async () => {
    await mkdir(join(root, 'usr/lib/arch'), { recursive: true });
    await writeFile(join(root, 'usr/lib/arch/libx.so.1.2'), 'x');
    await symlink('libx.so.1.2', join(root, 'usr/lib/arch/libx.so.1'));
    await symlink('usr/lib', join(root, 'lib'));
    const listing = newListing();
    expect(await listing.same(join(root, 'lib/arch/libx.so.1'))).toBe(true);
    expect(lines(listing)).toEqual([
      'lib symlink 777 usr/lib',
      'usr directory 755',
      'usr/lib directory 755',
      'usr/lib/arch directory 755',
      'usr/lib/arch/libx.so.1 symlink 777 libx.so.1.2',
      'usr/lib/arch/libx.so.1.2 file 644',
    ]);
    const file = listing.entries().at(-1)!;
    expect(file).toMatchObject({ uid: 0, gid: 0, mtime: 7, size: 1 });
    expect(`sha256:${file.digest}`).toBe(sha256('x'));
    expect(file.source).toEqual({ kind: 'host', path: join(root, 'usr/lib/arch/libx.so.1.2') });
  });

  test("a path below a link resolves to the link's target", () => {
    const listing = newListing();
    listing.symlink('lib', 'usr/lib');
    listing.text('lib/hello', 'hello');
    listing.directory('lib');
    expect(listing.entries().map(({ path, type }) => `${path} ${type}`)).toEqual([
      'lib symlink',
      'usr directory',
      'usr/lib directory',
      'usr/lib/hello file',
    ]);
  });

  test('modes are those that everyone can use; setuid is dropped', async () => {
    await writeFile(join(root, 'su'), 'x');
    await chmod(join(root, 'su'), 0o4711);
    await writeFile(join(root, 'private'), 'x');
    await chmod(join(root, 'private'), 0o600);
    const listing = newListing();
    await listing.same(join(root, 'su'));
    await listing.same(join(root, 'private'));
    expect(lines(listing)).toEqual(['private file 644', 'su file 755']);
  });

  test('reports an unreadable file, and continues', async () => {
    await mkdir(join(root, 'directory'));
    await symlink('loop', join(root, 'loop'));
    const listing = newListing();
    expect(await listing.file('a', join(root, 'directory'))).toBe(false);
    expect(await listing.same(join(root, 'loop'))).toBe(false);
    expect(await listing.same(join(root, 'missing'))).toBe(false);
    expect(skipped).toEqual([join(root, 'directory')]);
  });

  test('adds a tree without the paths of leaveOut', async () => {
    await mkdir(join(root, 'npm/man/man1'), { recursive: true });
    await mkdir(join(root, 'npm/lib/man'), { recursive: true });
    await writeFile(join(root, 'npm/lib/man/index.js'), '');
    await writeFile(join(root, 'npm/man/man1/npm.1'), '');
    await symlink('../lib', join(root, 'npm/lib/self'));
    const listing = newListing();
    await listing.tree('opt/npm', join(root, 'npm'), ['man']);
    expect(listing.entries().map(({ path }) => path)).toEqual([
      'opt',
      'opt/npm',
      'opt/npm/lib',
      'opt/npm/lib/man',
      'opt/npm/lib/man/index.js',
      'opt/npm/lib/self',
    ]);
  });
});
