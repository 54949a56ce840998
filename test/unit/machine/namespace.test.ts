import { describe, expect, it } from 'vitest';
import { firstFreeId, hasRange } from '../../../src/machine/id-ranges.ts';
import { kernelIsAtLeast } from '../../../src/machine/kernel.ts';
import { isolationError, rootOf } from '../../../src/machine/namespace.ts';
import { asRoot } from '../../../src/machine/tools.ts';
import { isInMap } from '../../../src/worker/id-map.ts';
import { overlayOptions } from '../../../src/worker/run/mounted/overlay.ts';

describe('rootOf', () => {
  it.each([
    ['         0          0 4294967295\n', 'root'],
    ['         0       1000          1\n', 'single'],
    ['         0       1000          1\n         1     100000      65536\n', 'nested'],
    ['         0     100000      65536\n', 'nested'],
  ])('%j', (map, kind) => {
    expect(rootOf(map)).toBe(kind);
  });
});

describe('a worker that does not start', () => {
  it.each([
    ['root', 'NO_NAMESPACES', 'a mount namespace'],
    ['nested', 'NO_NAMESPACES', 'a mount namespace'],
    ['ranges', 'NO_NAMESPACES', 'a user namespace'],
    ['single', 'NO_NAMESPACES', 'a user namespace'],
  ] as const)('as %s is an error that says what the kernel refuses', (isolation, code, what) => {
    const said = 'noise\nunshare: unshare failed: Operation not permitted\n';
    const error = isolationError(isolation, said);
    expect(error).toMatchObject({ code, details: { isolation }, hint: expect.stringContaining('doctor') });
    expect(error.message).toContain(`${what} (unshare: unshare failed: Operation not permitted)`);
    expect(isolationError(isolation, '').message).toMatch(new RegExp(`${what}$`));
  });
});

describe('isInMap', () => {
  const map = '  0 1000 1\n  1 100000 65535\n';
  it.each([
    [0, true],
    [1, true],
    [65535, true],
    [65536, false],
  ])('%i', (id, expected) => {
    expect(isInMap(map, id)).toBe(expected);
  });
});

describe('hasRange', () => {
  it.each([
    ['me:100000:65536', true],
    ['# x\n1000:5:1\n', true],
    ['you:100000:65536', false],
    ['me:100000:0', false],
    ['me', false],
    ['', false],
  ])('%j', (text, expected) => {
    expect(hasRange(text, ['me', '1000'])).toBe(expected);
  });
});

describe('advice about id ranges', () => {
  it.each([
    ['', 100_000],
    ['me:100000:65536\n', 165_536],
    ['me:100000:65536\nyou:165536:65536\n# x\n1000:5:1\n', 231_072],
    ['me:1:10\nbroken\n', 100_000],
    ['me:1:4294967290\n', 100_000],
  ])('%j is free from %i on', (text, expected) => {
    expect(firstFreeId(text)).toBe(expected);
  });

  it('does not tell an ordinary user to run commands of root', () => {
    expect(asRoot('usermod x', 0)).toBe('usermod x');
    expect(asRoot('usermod x', 1000)).toBe('ask an administrator for: usermod x');
  });
});

describe('overlayOptions', () => {
  it('names the folders topmost first', () => {
    const options = overlayOptions({ lower: ['b', 'a'], upper: 'u', work: 'w' }, 'user');
    expect(options).toMatch(/^lowerdir=b:a,upperdir=u,workdir=w,/);
    expect(options).toContain('userxattr');
  });

  it.each([
    ['6.1.0-18-amd64', true],
    ['5.10.0', true],
    ['5.9.99', false],
    ['4.19', false],
  ])('knows the age of kernel %s', (release, expected) => {
    expect(kernelIsAtLeast(5, 10, release)).toBe(expected);
  });
});
