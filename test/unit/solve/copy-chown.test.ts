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

  test.each<[string, string, number, number]>([
    ['alice', 'user alice', 0, 0],
    ['alice:bobs', 'user alice', 0, 55],
    ['bob:none', 'group none', 1234, 77],
    ['7:none', 'group none', 7, 7],
    ['-1', 'user -1', 0, 0],
    ['odd', 'user odd', 0, 0],
    ['Bob', 'user Bob', 0, 0],
    ['1:2:3', 'group 2:3', 1, 1],
  ])('%s names an unknown %s', (spec, unknown, uid, gid) => {
    const told: string[] = [];
    const owner = resolveOwner(spec, PASSWD, GROUP, undefined, (what, name) => told.push(`${what} ${name}`));
    expect(owner).toEqual({ uid, gid });
    expect(told).toEqual([unknown]);
  });

  test('a number that is no id is refused', () => {
    expect(() => resolveOwner('4294967295', PASSWD, GROUP)).toThrow(
      expect.objectContaining({ code: 'OWNER_UNKNOWN' }),
    );
  });

  test('a name without a file to look it up in is refused', () => {
    expect(() => resolveOwner('alice', undefined, GROUP)).toThrow(
      '--chown=alice: the image has no /etc/passwd',
    );
    expect(() => resolveOwner('1:staff', undefined, undefined)).toThrow('the image has no /etc/group');
  });

  test('root is 0 without any file, and where a file does not have it', () => {
    for (const spec of ['root', 'root:root', '0:root', ':root', 'root:']) {
      for (const [passwd, group] of [[], ['', ''], ['bob:x:5:6::/:', 'bobs:x:6:']]) {
        const told: string[] = [];
        const owner = resolveOwner(spec, passwd, group, undefined, (_, name) => told.push(name));
        expect({ owner, told }).toEqual({ owner: { uid: 0, gid: 0 }, told: [] });
      }
    }
    expect(resolveOwner('root:root', 'root:x:7:8::/:', 'root:x:9:')).toEqual({ uid: 7, gid: 9 });
  });

  test('only names need the files', () => {
    expect(needsAccounts('1:2')).toEqual({ passwd: false, group: false });
    expect(needsAccounts('bob')).toEqual({ passwd: true, group: false });
    expect(needsAccounts(':bobs')).toEqual({ passwd: false, group: true });
    expect(needsAccounts('bob:5')).toEqual({ passwd: true, group: false });
  });
});
