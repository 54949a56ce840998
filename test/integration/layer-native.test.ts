import { closeSync, lstatSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { getXattr, listXattrs, mknod, S_IF, setTimes, setXattr, tryLock } from '../../src/worker/native.ts';
import { tempDir } from '../support/temp-dir.ts';
import { asRoot } from './layer-fixture.ts';

it('sets times to the nanosecond, also before 1970 and of symlinks themselves', () => {
  const path = join(tempDir(), 'link-\udcff');
  symlinkSync('nowhere', Buffer.from(path.replace('\udcff', '\xff'), 'latin1'));
  const stat = () => lstatSync(Buffer.from(path.replace('\udcff', '\xff'), 'latin1'), { bigint: true });
  setTimes(path, 1_700_000_000, 123_456_789);
  expect(stat().mtimeNs).toBe(1_700_000_000_123_456_789n);
  setTimes(path, -5, 1);
  expect(stat().mtimeNs).toBe(-4_999_999_999n);
});

it('reads and writes extended attributes of any bytes and size', () => {
  const path = join(tempDir(), 'file');
  writeFileSync(path, '');
  expect(listXattrs(path)).toEqual([]);
  expect(getXattr(path, 'user.none')).toBeUndefined();
  for (const value of [Buffer.alloc(0), Buffer.from([0, 255, 10]), Buffer.alloc(2000, 7)]) {
    setXattr(path, 'user.some', value);
    expect(getXattr(path, 'user.some')).toEqual(value);
  }
  expect(listXattrs(path)).toEqual(['user.some']);
});

it('makes devices with numbers of any size', (test) => {
  if (!asRoot) test.skip('only root may make devices');
  const path = join(tempDir(), 'device');
  mknod(path, S_IF.BLOCK | 0o600, 259, 70_000);
  const stat = lstatSync(path);
  expect([stat.isBlockDevice(), stat.rdev]).toEqual([true, 0x11110370]);
});

it('reports failures like the file functions of Node', () => {
  const path = join(tempDir(), 'missing');
  expect(() => setTimes(path, 0)).toThrow(
    expect.objectContaining({ code: 'ENOENT', syscall: 'utimensat', path, errno: 2 }),
  );
});

it('locks files between descriptors', () => {
  const path = join(tempDir(), 'lock');
  const [a, b] = [openSync(path, 'w'), openSync(path, 'r')];
  expect([tryLock(a, 'exclusive'), tryLock(b, 'shared'), tryLock(a, 'unlock'), tryLock(b, 'shared')]).toEqual(
    [true, false, true, true],
  );
  closeSync(a);
  closeSync(b);
});
