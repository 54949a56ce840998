import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passingReason } from '../../../src/machine/shortage.ts';

/** What the C library and programs say of answers that do not change by themselves. */
const DEFINITE = [
  'unshare: unshare failed: Operation not permitted',
  'mount: permission denied',
  'unshare: unshare failed: Function not implemented',
  'unshare: unshare failed: Invalid argument',
  "mount: unknown filesystem type 'overlay'",
  'mount: wrong fs type, bad option, bad superblock on overlay',
  'sh: 1: crun: not found',
];
const SHORTAGES: [string, RegExp][] = [
  ['unshare: fork failed: Resource temporarily unavailable', /processes/],
  ['sh: 1: Cannot fork', /processes/],
  ['unshare: unshare failed: Cannot allocate memory', /memory/],
  ['error while loading shared libraries: libc.so.6: failed to map segment from shared object', /memory/],
  ['open: Too many open files in system', /machine has too many open files/],
  ['open: Too many open files', /ulimit -n/],
  ['mkdir: cannot create directory: No space left on device', /full disk/],
];

describe('which results of a probe may be remembered', () => {
  it.each(DEFINITE)('a definite answer: %s', (complaint) => {
    expect(passingReason({ complaint })).toBeUndefined();
  });

  it.each(SHORTAGES)('not a shortage, which is named: %s', (complaint, named) => {
    expect(passingReason({ complaint })).toMatch(named);
  });

  it('not a probe that was killed or failed for a passing reason', () => {
    const names = Object.values(constants.errno).map((errno) => getSystemErrorName(-errno));
    const definite = [
      'EPERM',
      'EACCES',
      'ENOSYS',
      'EINVAL',
      'ENOENT',
      'ENODEV',
      'EROFS',
      'EOPNOTSUPP',
      'ENOTSUP',
    ];
    const passing = names.filter((name) => /^E[A-Z0-9]+$/.test(name) && !definite.includes(name));
    fc.assert(
      fc.property(fc.constantFrom(...passing, 'SIGKILL', 'signal 9', 'ETIMEDOUT'), (cause) => {
        expect(passingReason({ complaint: '', cause })).toBeDefined();
      }),
    );
  });

  it('not unknown output', () => {
    expect(passingReason({ complaint: 'xyzzy' })).toBeDefined();
    expect(passingReason({ complaint: '' })).toBeUndefined();
  });
});
