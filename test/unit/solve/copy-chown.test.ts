import { describe, expect, test } from 'vitest';
import { needsAccounts, resolveOwner } from '../../../src/solve/copy/chown.ts';

const PASSWD =
  'root:x:0:0::/:/bin/sh\n#broken\nodd:x:none:1\nbob:x:1234:77::/:/bin/sh\nbob:x:5:6::/:/bin/sh\n';
const GROUP = 'root:x:0:\nbobs:x:55:bob\n';

describe('--chown', () => {
  test.each<[string, number, number]>([
    ['bob', 1234, 77],
    ['bob:bobs', 1234, 55],
    [':bobs', 0, 55],
    ['bob:', 1234, 0],
    ['1234', 1234, 1234],
    ['99:bobs', 99, 55],
    ['99:100', 99, 100],
    [':', 0, 0],
    ['root', 0, 0],
    ['0', 0, 0],
    ['4294967294', 4294967294, 4294967294],
  ])('%s', (spec, uid, gid) => {
    expect(resolveOwner(spec, PASSWD, GROUP)).toEqual({ uid, gid });
  });

  test.each(['alice', 'bob:none', '-1', 'odd', '4294967295', '1:2:3', 'Bob'])('refuses %s', (spec) => {
    expect(() => resolveOwner(spec, PASSWD, GROUP)).toThrow(
      expect.objectContaining({ code: 'OWNER_UNKNOWN' }),
    );
  });

  test('an unknown name is an error that says where it was looked for', () => {
    expect(() => resolveOwner('alice', PASSWD, GROUP, 'stage "build"')).toThrow(
      '--chown=alice: /etc/passwd of stage "build" has no user "alice"',
    );
    expect(() => resolveOwner('1:staff', undefined, undefined)).toThrow('the image has no /etc/group');
  });

  test('only names need the files', () => {
    expect(needsAccounts('1:2')).toEqual({ passwd: false, group: false });
    expect(needsAccounts('bob')).toEqual({ passwd: true, group: false });
    expect(needsAccounts(':bobs')).toEqual({ passwd: false, group: true });
    expect(needsAccounts('bob:5')).toEqual({ passwd: true, group: false });
  });
});
