import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mayHold } from '../../../src/inspect/catalogues/python-markers.ts';

test.each<[string, boolean]>([
  ['sys_platform == "win32"', false],
  ["'linux' == sys_platform", true],
  ['python_version < "3"', false],
  ['python_version>="3.8"', true],
  ['python_version >= "3.10" and python_version < "3.12"', true],
  ['python_version in "2.7 3.11"', true],
  ['python_version not in "2.7 3.11"', false],
  ['python_version == "3.*"', true],
  ['extra == "fast"', false],
  ['platform_machine == "arm64"', true],
  ['platform_machine == "arm64" and os_name == "nt"', false],
  ['os_name == "nt" or (extra == "x" or platform_system == "Linux")', true],
  ['os_name == "nt" and extra == "x" or platform_system == "Linux"', true],
  ['os_name == "nt" and (extra == "x" or platform_system == "Linux")', false],
  ['', true],
  ['$', true],
  ['(', true],
])('%s: %j', (marker, holds) => {
  expect(mayHold(marker, '3.11')).toBe(holds);
});

test('without a version of Python nothing is ruled out by it', () => {
  expect(mayHold('python_version < "3"', undefined)).toBe(true);
});

test('a marker of a million parentheses needs no stack', () => {
  expect(mayHold('('.repeat(1_000_000), '3.11')).toBe(true);
});

test('every text ends with an answer', () => {
  const pieces = ['(', ')', ' and ', ' or ', '"a"', 'os_name', '==', '<', ' in ', 'extra', 'x', '"'];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
      expect(typeof mayHold(parts.join(''), '3.11')).toBe('boolean');
    }),
  );
});
