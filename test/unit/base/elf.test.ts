import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ReadAt, readElf } from '../../../src/base/elf.ts';
import { fakeElf } from './fake-elf.ts';

const reader =
  (bytes: Uint8Array): ReadAt =>
  (offset, length) =>
    bytes.subarray(offset, offset + length);

describe('readElf', () => {
  for (const bits of [32, 64] as const) {
    for (const little of [true, false]) {
      test(`reads ${bits} bit files, ${little ? 'lowest' : 'highest'} byte first`, () => {
        const bytes = fakeElf({
          bits,
          little,
          machine: 183,
          interpreter: '/lib/ld-linux-aarch64.so.1',
          soname: 'libx.so.1',
          needed: ['libc.so.6', 'libm.so.6'],
          rpath: '$ORIGIN/../lib:/opt/lib',
          runpath: '/srv/lib',
        });
        expect(readElf(reader(bytes))).toEqual({
          bits,
          machine: 183,
          interpreter: '/lib/ld-linux-aarch64.so.1',
          soname: 'libx.so.1',
          needed: ['libc.so.6', 'libm.so.6'],
          rpath: ['$ORIGIN/../lib', '/opt/lib'],
          runpath: ['/srv/lib'],
        });
      });
    }
  }

  test('a file without needs has none', () => {
    expect(readElf(reader(fakeElf()))).toEqual({ bits: 64, machine: 62, needed: [], rpath: [], runpath: [] });
  });

  test('a file that is not ELF gives undefined', () => {
    for (const text of ['', '#!/bin/sh\necho hi\n', '\x7fELF', 'x'.repeat(4096)]) {
      expect(readElf(reader(Buffer.from(text, 'latin1')))).toBeUndefined();
    }
  });

  test('a damaged file gives undefined, or valid fields', () => {
    const whole = fakeElf({ interpreter: '/lib64/ld.so', needed: ['libc.so.6'], runpath: '/lib' });
    expect(readElf(reader(whole))).toBeDefined();
    const damage = fc.record({
      end: fc.nat(whole.length),
      bytes: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(damage, ({ end, bytes }) => {
        const broken = Buffer.from(whole);
        for (const [at, value] of bytes) broken[at] = value;
        const read = readElf(reader(broken.subarray(0, end)));
        if (read === undefined) return;
        expect(read).toMatchObject({ bits: expect.toBeOneOf([32, 64]), machine: expect.any(Number) });
        expect(read.needed.every((name) => typeof name === 'string')).toBe(true);
      }),
    );
  });
});
