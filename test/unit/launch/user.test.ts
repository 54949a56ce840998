import { describe, expect, it } from 'vitest';
import { resolveUser } from '../../../src/launch/user.ts';

const passwd = [
  '# comment',
  'root:x:0:0:root:/root:/bin/sh',
  '',
  'node:x:1000:1000::/home/node:',
  '5:x:77:78::/five:',
].join('\n');
const group = ['root:x:0:', 'node:x:1000:', 'video:x:44:other,node', 'audio:x:45:node', '9:x:99:'].join('\n');
const resolve = (spec: string) => resolveUser(spec, passwd, group);

describe('resolveUser', () => {
  it.each([
    ['', { uid: 0, gid: 0, groups: [0], home: '/root' }],
    ['root', { uid: 0, gid: 0, groups: [0], home: '/root' }],
    ['node', { uid: 1000, gid: 1000, groups: [1000, 44, 45], home: '/home/node' }],
    ['1000', { uid: 1000, gid: 1000, groups: [1000, 44, 45], home: '/home/node' }],
    ['node:', { uid: 1000, gid: 1000, groups: [1000, 44, 45], home: '/home/node' }],
    ['node:video', { uid: 1000, gid: 44, groups: [44], home: '/home/node' }],
    ['node:12', { uid: 1000, gid: 12, groups: [12], home: '/home/node' }],
    ['42', { uid: 42, gid: 0, groups: [0], home: '/' }],
    ['42:43', { uid: 42, gid: 43, groups: [43], home: '/' }],
    [':audio', { uid: 0, gid: 45, groups: [45], home: '/root' }],
    // A number is an id, even where an account or a group is called so.
    ['5', { uid: 5, gid: 0, groups: [0], home: '/' }],
    ['root:9', { uid: 0, gid: 9, groups: [9], home: '/root' }],
  ])('%s', (spec, user) => {
    expect(resolve(spec)).toEqual(user);
  });

  it('takes numbers, and root, where the image has no accounts', () => {
    expect(resolveUser('7:8')).toEqual({ uid: 7, gid: 8, groups: [8], home: '/' });
    expect(resolveUser('')).toEqual({ uid: 0, gid: 0, groups: [0], home: '/' });
    for (const spec of ['root', 'root:root', '0:root', ':root', 'root:'])
      expect(resolveUser(spec, 'app:x:5:6::/:', 'app:x:6:')).toMatchObject({ uid: 0, gid: 0, groups: [0] });
  });

  it.each(['ghost', 'node:ghost', '-1', '2147483648', 'root:root:x', '0:99999999999'])(
    'refuses %s',
    (spec) => {
      expect(() => resolve(spec)).toThrow(expect.objectContaining({ code: 'USER_UNKNOWN' }));
    },
  );
});
