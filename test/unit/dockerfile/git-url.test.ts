import { describe, expect, test } from 'vitest';
import { isHttpUrl, parseContextGitUrl, parseGitUrl } from '../../../src/dockerfile/git-url.ts';

describe('URLs of repositories', () => {
  test.each([
    ['https://example.com/a/b.git', { url: 'https://example.com/a/b.git' }],
    ['https://example.com/b.git#main', { url: 'https://example.com/b.git', ref: 'main' }],
    ['https://example.com/b.git#:dir', { url: 'https://example.com/b.git', subdir: 'dir' }],
    ['http://example.com/b.git#v1:a/b', { url: 'http://example.com/b.git', ref: 'v1', subdir: 'a/b' }],
    ['https://example.com/b.git#', { url: 'https://example.com/b.git' }],
    [
      'https://example.com/b.git#v1:/a/../../b/./',
      { url: 'https://example.com/b.git', ref: 'v1', subdir: 'b' },
    ],
    ['https://example.com/b.git#v1:..', { url: 'https://example.com/b.git', ref: 'v1' }],
    ['git@example.com:a/b', { url: 'git@example.com:a/b' }],
    ['deploy@example.com:b.git#x', { url: 'deploy@example.com:b.git', ref: 'x' }],
    ['ssh://git@example.com:22/b', { url: 'ssh://git@example.com:22/b' }],
    ['git://example.com/b', { url: 'git://example.com/b' }],
    [
      'https://example.com/b.git?tag=v1&subdir=d',
      { url: 'https://example.com/b.git', ref: 'refs/tags/v1', subdir: 'd' },
    ],
    ['https://example.com/b.git?branch=m', { url: 'https://example.com/b.git', ref: 'refs/heads/m' }],
    [
      'https://example.com/b.git?ref=m&keep-git-dir=1&submodules=0&checksum=abc',
      { url: 'https://example.com/b.git', ref: 'm', keepGitDir: true, submodules: false, checksum: 'abc' },
    ],
    [
      'https://example.com/b.git?tag=v1#refs/tags/v1',
      { url: 'https://example.com/b.git', ref: 'refs/tags/v1' },
    ],
    [
      'https://example.com/b.git?branch=refs/heads/m',
      { url: 'https://example.com/b.git', ref: 'refs/heads/m' },
    ],
    ['https://example.com/b.git?subdir=d#:d', { url: 'https://example.com/b.git', subdir: 'd' }],
    [
      'https://example.com/b.git?commit=abc',
      { url: 'https://example.com/b.git', ref: 'abc', checksum: 'abc' },
    ],
    [
      'https://example.com/b.git?submodules&keep-git-dir=false&mtime=checkout',
      { url: 'https://example.com/b.git', submodules: true, keepGitDir: false, mtime: 'checkout' },
    ],
    [
      `https://example.com/b.git?ref=m&checksum=${'a'.repeat(40)}&fetch-by-commit=true`,
      { url: 'https://example.com/b.git', ref: 'm', checksum: 'a'.repeat(40), fetchByCommit: true },
    ],
  ])('%s', (text, source) => {
    expect(parseGitUrl(text)).toEqual(source);
  });

  test.each([
    'https://example.com/a/b',
    'https://example.com/b.git/x',
    'https://example.com/b.tar?x=.git',
    'a/b.git',
    './git@example.com:a',
    'file:///a/b.git',
    'ext::sh -c x',
    'ssh://-oProxyCommand=x/b',
    'github.com/a/b',
    '',
  ])('%j is none', (text) => {
    expect(parseGitUrl(text)).toBeUndefined();
  });

  test.each([
    'https://example.com/b.git#--upload-pack=x',
    'https://example.com/b.git?nope=1',
    'https://example.com/b.git?ref=a&tag=b',
    'https://example.com/b.git?ref=a#b',
    'https://example.com/b.git?tag=v1#refs/heads/main',
    'https://example.com/b.git?branch=a&tag=a',
    'https://example.com/b.git?ref=a&ref=a',
    'https://example.com/b.git?subdir=a#:b',
    ...['ref', 'branch', 'tag', 'subdir', 'checksum', 'commit', 'mtime'].map(
      (name) => `https://example.com/b.git?${name}=`,
    ),
    'https://example.com/b.git?submodules=maybe',
    'https://example.com/b.git?keep-git-dir=yes',
    'https://example.com/b.git?mtime=now',
    'https://example.com/b.git?checksum=main',
    'https://example.com/b.git?checksum=ab&commit=cd',
    'https://example.com/b.git?checksum=0123456789ab&fetch-by-commit',
    `https://example.com/b.git?checksum=${'A'.repeat(40)}&fetch-by-commit=1`,
    'https://example.com/b.git?toString=1',
  ])('%s is refused', (text) => {
    expect(() => parseGitUrl(text)).toThrow(expect.objectContaining({ code: 'GIT_URL' }));
  });

  test('a context may be github.com/owner/name', () => {
    expect(parseContextGitUrl('github.com/a/b#main:c')).toEqual({
      url: 'https://github.com/a/b.git',
      ref: 'main',
      subdir: 'c',
    });
    expect(parseContextGitUrl('github.com/a/b.git')).toEqual({ url: 'https://github.com/a/b.git' });
  });

  test('only http and https are fetched', () => {
    expect(['http://a', 'https://a', 'ftp://a', 'HTTP://a', 'a'].map(isHttpUrl)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
