import { describe, expect, test } from 'vitest';
import { isSourcesFile, readSources } from '../../../src/behind/package-sources.ts';

const LIST = 'etc/apt/sources.list';
const DEB822 = 'etc/apt/sources.list.d/debian.sources';
const REPOSITORIES = 'etc/apk/repositories';

test.each([
  [LIST, true],
  ['etc/apt/sources.list.d/nodesource.list', true],
  [DEB822, true],
  [REPOSITORIES, true],
  ['etc/apt/sources.list.d/debian.sources.save', false],
  ['usr/share/doc/apt/examples/sources.list', false],
  ['etc/apt/sources.list.d/deeper/x.list', false],
])('%s names sources: %s', (path, expected) => {
  expect(isSourcesFile(path)).toBe(expected);
});

describe('one-line sources', () => {
  test('has options, several components and a comment', () => {
    const line =
      'deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] https://deb.example.com/debian/ bookworm main contrib # ours';
    expect(readSources(LIST, line)).toEqual([
      {
        ...{ type: 'deb', uri: 'https://deb.example.com/debian', suite: 'bookworm' },
        ...{ components: ['main', 'contrib'], signedBy: 'usr/share/keyrings/a.gpg' },
      },
    ]);
  });

  test('leaves out comments, source code, media and broken lines', () => {
    const text = [
      '# deb http://deb.example.com/debian bookworm main',
      'deb-src http://deb.example.com/debian bookworm main',
      'deb cdrom:[Debian 12]/ bookworm main',
      'deb file:///srv/packages ./',
      'deb http://deb.example.com/debian',
      'deb http://[/ bookworm main',
      'deb http://flat.example.com/packages ./',
    ].join('\n');
    expect(readSources(LIST, text)).toEqual([
      { type: 'deb', uri: 'http://flat.example.com/packages', suite: './', components: [] },
    ]);
  });
});

describe('deb822 sources', () => {
  test('has one source an address and suite; comments may stand between fields', () => {
    const text = [
      'Types: deb deb-src',
      '# http://snapshot.example.com/archive/debian/20250520T000000Z',
      'URIs: http://deb.example.com/debian',
      'Suites: bookworm bookworm-updates',
      'Components: main',
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
    ].join('\n');
    const shared = {
      ...{ type: 'deb', uri: 'http://deb.example.com/debian', components: ['main'] },
      signedBy: 'usr/share/keyrings/debian-archive-keyring.gpg',
    };
    expect(readSources(DEB822, text)).toEqual([
      { ...shared, suite: 'bookworm' },
      { ...shared, suite: 'bookworm-updates' },
    ]);
  });

  test('leaves out what is disabled, and paragraphs of source code', () => {
    const paragraph = 'URIs: http://deb.example.com/debian\nSuites: bookworm\nComponents: main';
    const text = [`Types: deb-src\n${paragraph}`, `Types: deb\nEnabled: no\n${paragraph}`].join('\n\n');
    expect(readSources(DEB822, text)).toEqual([]);
  });
});

test('repositories of apk: tagged ones and folders are left out', () => {
  const text = [
    'https://dl.example.com/alpine/v3.22/main/',
    '#https://dl.example.com/alpine/v3.22/community',
    '@testing https://dl.example.com/alpine/edge/testing',
    '/media/cdrom/apks',
  ].join('\n');
  expect(readSources(REPOSITORIES, text)).toEqual([
    { type: 'apk', uri: 'https://dl.example.com/alpine/v3.22/main', suite: '', components: [] },
  ]);
});
