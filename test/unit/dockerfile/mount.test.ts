import { describe, expect, test } from 'vitest';
import { resolveMount } from '../../../src/dockerfile/mount.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import { only } from './support.ts';

const lookup = (name: string) => (name === 'T' ? '/cache' : undefined);
const resolve = (flag: string) => resolveMount(only('RUN', `RUN --mount=${flag} x`).mounts[0]!, lookup);

describe('mounts of RUN', () => {
  test.each([
    ['target=/x', { type: 'bind', target: '/x', readOnly: true, required: false }],
    ['TYPE=Cache,target=$T', { type: 'cache', target: '/cache', readOnly: false, required: false }],
    [
      'type=cache,id=a,dst=/x,sharing=LOCKED,mode=0755,uid=1,gid=2,from=b,source=/c,ro',
      {
        ...{ type: 'cache', id: 'a', target: '/x', sharing: 'locked', mode: 0o755, uid: 1, gid: 2 },
        ...{ from: 'b', source: '/c', readOnly: true, required: false },
      },
    ],
    [
      'type=bind,from=x,src=/a,destination=/x,rw',
      { type: 'bind', from: 'x', source: '/a', target: '/x', readOnly: false, required: false },
    ],
    ['target=/x,readonly=false', { type: 'bind', target: '/x', readOnly: false, required: false }],
    ['target=/x,rw=0', { type: 'bind', target: '/x', readOnly: true, required: false }],
    [
      'type=tmpfs,target=/x,size=1.5gib',
      { type: 'tmpfs', target: '/x', readOnly: false, required: false, size: 1.5 * 2 ** 30 },
    ],
    [
      'type=tmpfs,target=/x,size=64',
      { type: 'tmpfs', target: '/x', readOnly: false, required: false, size: 64 },
    ],
    ['type=secret,id=a,required', { type: 'secret', id: 'a', readOnly: true, required: true }],
    [
      'type=secret,id=a,env=A,required=false',
      { type: 'secret', id: 'a', env: 'A', readOnly: true, required: false },
    ],
    ['type=ssh', { type: 'ssh', readOnly: true, required: false }],
    ["'type=cache,target=/x y'", { type: 'cache', target: '/x y', readOnly: false, required: false }],
    ['type=cache,\\"target=/a,b\\"', { type: 'cache', target: '/a,b', readOnly: false, required: false }],
  ])('%s', (flag, expected) => {
    expect(resolve(flag)).toEqual(expected);
  });

  test.each([
    ['type=foo', 'invalid type "foo" of a mount'],
    ['type=cahce,target=/x', 'Did you mean cache?'],
    ['type=bind,foo=1', '--mount has no "foo"'],
    ['type=cache,tagret=/x', 'Did you mean target?'],
    ['type=secret', 'needs an id'],
    ['type=secret,env=A', 'needs an id'],
    ['type=secret,id=a,src=b', 'either source or id'],
    ['type=secret,id=a,from=b', 'no "from"'],
    ['type=secret,id=a,size=1', 'no "size"'],
    ['size=1g,target=/x,type=tmpfs', 'Write type before size'],
    ['required,type=secret,id=x', 'Write type before required'],
    ['type=cache,target=/x,required', 'no "required"'],
    ['type=bind,foo', '"foo" needs a value'],
    ['type=cache, target=/x', 'needs a value'],
    ['type=tmpfs,size=1x,target=/x', 'invalid size "1x"'],
    ['type=tmpfs,target=/x,mode=755', 'no "mode"'],
    ['type=cache,target=/x,mode=9', 'invalid mode "9"'],
    ['type=cache,target=/x,uid=-1', 'invalid uid "-1"'],
    ['type=cache,sharing=foo,target=/x', 'invalid sharing "foo" of a mount'],
    ['type=bind,sharing=private,target=/x', 'no "sharing"'],
    ['type=cache,target=/x,ro=maybe', 'not "maybe"'],
  ])('%s is refused', (flag, part) => {
    try {
      resolve(flag);
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      expect(error).toMatchObject({ code: 'MOUNT_INVALID', location: { line: 2, column: 13 } });
      expect(`${error.message} ${error.hint}`).toContain(part);
      return;
    }
    expect.unreachable();
  });
});
