import { describe, expect, it } from 'vitest';
import { pathIn, ReadOnlyWatch } from '../../../src/run/read-only-hint.ts';

describe('pathIn', () => {
  it.each([
    ["Error: EROFS: read-only file system, open '/app/data/x.json'", '/app/data/x.json'],
    [
      "error TS5033: Could not write file '/app/d/a.js': EROFS: read-only file system, mkdir '/app/d'.",
      '/app/d',
    ],
    ["touch: cannot touch '/x y': Read-only file system", '/x y'],
    ['mkdir: cannot create directory ‘logs’: Read-only file system', '/app/logs'],
    ['sh: 1: cannot create /var/log/a: Read-only file system', '/var/log/a'],
    ["/bin/sh: can't create out: Read-only file system", '/app/out'],
    ['touch: /tmp/x: Read-only file system', '/tmp/x'],
    ["OSError: [Errno 30] Read-only file system: '/srv/cache'", '/srv/cache'],
    ['Errno::EROFS: Read-only file system @ rb_sysopen - /srv/log', '/srv/log'],
    ['2024/01/01 open /data/db: read-only file system', '/data/db'],
    ["  path: '/app/x'", undefined],
    ['Read-only file system', undefined],
    ['all is well', undefined],
  ])('%s', (text, path) => {
    expect(pathIn(text, '/app')).toBe(path);
  });
});

describe('ReadOnlyWatch', () => {
  it('names the path of the last message, for any chunking', () => {
    const watch = new ReadOnlyWatch('/app');
    expect(watch.note()).toBeUndefined();
    const text =
      "touch: cannot touch '/a': Read-only file system\ntouch: cannot touch '/b/c': Read-only file system\nbye\n";
    for (const byte of Buffer.from(text)) watch.listen(Buffer.of(byte));
    expect(watch.note()).toContain('tried to write /b/c,');
    expect(watch.note()).toContain('-v /b ');
  });
});
