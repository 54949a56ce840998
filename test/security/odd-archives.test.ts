import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../src/layer/entry.ts';
import { TestBuilds } from '../support/build.ts';
import { makeTar } from '../support/images.ts';

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create();
});
afterAll(() => builds?.remove());

/** A header with some bytes of it replaced, and its checksum made right. */
function patched(tar: Buffer, at: number, bytes: Buffer): Buffer {
  const copy = Buffer.from(tar);
  bytes.copy(copy, at);
  copy.write('        ', 148, 'latin1');
  let sum = 0;
  for (const byte of copy.subarray(0, 512)) sum += byte;
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return copy;
}

const file = (more: Partial<Entry> & { path: string }) => makeTar([[more, 'x']]);
const attribute = (name: string, value: Buffer) =>
  file({ path: 'x', xattrs: { [name]: value.toString('base64') } });
const big = Buffer.concat([Buffer.from([0x80, 0, 0, 1]), Buffer.alloc(4)]);
const negative = Buffer.alloc(8, 0xff).fill(0xfe, 7);

describe('archives with values that Linux does not support', () => {
  test.each<[string, Buffer]>([
    ['a path of 5,000 bytes', file({ path: `${'n/'.repeat(2500)}x` })],
    ['a path of 400,000 components', file({ path: `${'d/'.repeat(400_000)}x` })],
    ['a name of 300 bytes', file({ path: 'c'.repeat(300) })],
    ['a symlink of 100,000 bytes', makeTar([[{ path: 'l', type: 'symlink', link: 't'.repeat(100_000) }]])],
    ['a symlink to nothing', makeTar([[{ path: 'l', type: 'symlink', link: '' }]])],
    ['a symlink with a NUL', makeTar([[{ path: 'l', type: 'symlink', link: `${'a'.repeat(120)}\0b` }]])],
    ['a large uid', patched(file({ path: 'x' }), 108, big)],
    ['a negative uid', patched(file({ path: 'x' }), 108, negative)],
    ['a negative gid', patched(file({ path: 'x' }), 116, negative)],
    [
      'a device with large numbers',
      makeTar([[{ path: 'd', type: 'char', device: { major: 2 ** 20, minor: 2 ** 31 - 1 } }]]),
    ],
    ['a large attribute', attribute('user.big', Buffer.alloc(70_000))],
    ['an attribute with a long name', attribute(`user.${'n'.repeat(300)}`, Buffer.from('v'))],
    ['an attribute with a NUL in its name', attribute('user.a\0x', Buffer.from('v'))],
  ])('%s', async (_, tar) => {
    builds.write({ 'x.tar': tar });
    for (const dockerfile of ['FROM scratch\nADD x.tar /\n', 'FROM scratch\nADD x.tar /\nRUN ["/x"]\n']) {
      const error = await builds.failure(dockerfile);
      expect(error.code).toMatch(/^TAR_(INVALID|UNSUPPORTED)$/);
      expect(error.message.length).toBeLessThan(400);
      expect(error.location).toMatchObject({ line: 2 });
    }
  });
});
