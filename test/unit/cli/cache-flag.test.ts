import { describe, expect, it } from 'vitest';
import { cacheSource, cacheTarget } from '../../../src/cli/flags/cache.ts';

describe('--cache-from and --cache-to', () => {
  it.each([
    ['app:cache', { type: 'registry', ref: 'docker.io/library/app:cache' }],
    [
      'type=registry,ref=r.example.com/a:b,registry.insecure=true',
      { type: 'registry', ref: 'r.example.com/a:b', insecure: true },
    ],
    ['type=local,src=c,tag=t', { type: 'local', path: '/home/app/c', tag: 't' }],
    ['type=local,src=c,cache-mounts=false', { type: 'local', path: '/home/app/c', cacheMounts: false }],
  ])('from %s', (text, expected) => {
    expect(cacheSource(text, '/home/app')).toEqual(expected);
  });

  it.each([
    ['type=inline', { type: 'inline' }],
    [
      'type=registry,ref=a,mode=max,ignore-error=true,image-manifest=true',
      { type: 'registry', ref: 'docker.io/library/a:latest', mode: 'max', ignoreError: true },
    ],
    ['type=local,dest=/c', { type: 'local', path: '/c' }],
    ['type=local,dest=/c,cache-mounts=true', { type: 'local', path: '/c', cacheMounts: true }],
  ])('to %s', (text, expected) => {
    expect(cacheTarget(text, '/home/app')).toEqual(expected);
  });

  it('names a replacement for unsupported types', () => {
    for (const read of [cacheSource, cacheTarget]) {
      expect(() => read('type=gha,scope=x', '/')).toThrow(
        expect.objectContaining({ hint: expect.stringContaining('actions/cache') }),
      );
    }
  });

  it.each([
    ['type=gha', '--cache-to type=gha is not supported'],
    ['type=s3,bucket=b', '--cache-to type=s3 is not supported'],
    ['type=inline,cache-mounts=true', 'the cache "type=inline,cache-mounts=true" cannot have "cache-mounts"'],
    ['type=local,dest=x,tag=../y', 'invalid tag "../y"'],
    ['type=local,dest=x,cache-mounts=maybe', 'cache-mounts=maybe is neither true nor false'],
    ['type=disk', 'unknown --cache-to type "disk"'],
    ['type=registry', 'the cache "type=registry" has no ref'],
    ['type=local,dest=x,mode=mid', 'unknown cache mode "mid"'],
    ['type=local,dest=x,foo=1', 'the cache "type=local,dest=x,foo=1" cannot have "foo"'],
    ['type=inline,mode=max', 'the cache "type=inline,mode=max" cannot have "mode"'],
  ])('refuses %s', (text, message) => {
    expect(() => cacheTarget(text, '/')).toThrow(expect.objectContaining({ message, exitCode: 2 }));
  });

  it.each([
    [cacheSource, 'type=inline', 'Read such a cache with type=registry,ref=IMAGE.'],
    [cacheSource, 'type=disk', 'The types are registry, local.'],
    [cacheTarget, 'type=disk', 'The types are registry, local, inline.'],
    [cacheTarget, 'type=inlin', 'Did you mean inline?'],
    [cacheTarget, 'type=local,dest=x,ignore-eror=true', 'Did you mean ignore-error?'],
    [cacheTarget, 'type=local', 'Add dest=….'],
  ])('hints at the way out: %# %s', (read, text, hint) => {
    expect(() => read(text, '/')).toThrow(expect.objectContaining({ hint }));
  });
});
