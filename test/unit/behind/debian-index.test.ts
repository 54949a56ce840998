import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { debianIndex } from '../../../src/behind/debian-index.ts';
import type { PackageSource } from '../../../src/behind/package-sources.ts';

const ROOT = 'https://deb.example.com/debian';
const SUITE: PackageSource = { type: 'deb', uri: ROOT, suite: 'bookworm', components: ['main'] };
const PACKAGES = [
  'Package: libssl3\nSource: openssl\nVersion: 3.0.14-1\nArchitecture: amd64',
  'Package: libssl3\nSource: openssl\nVersion: 3.0.15-1\nArchitecture: amd64\nDescription: x\n more',
  'Package: bash\nVersion: 5.2-1\nArchitecture: amd64',
  'Package: libc-bin\nSource: glibc (1:2.36-9)\nVersion: 2.36-9+b1\nArchitecture: amd64\n',
].join('\n\n');
const PACKED = gzipSync(PACKAGES);
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** A clear-signed file whose signature nobody checks: there is no keyring. */
function clearSigned(text: string): string {
  return `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${text}\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n`;
}

function inRelease(files: Record<string, Buffer>, fields: string[] = []): string {
  const listed = Object.entries(files).map(
    ([path, content]) => ` ${sha256(content)} ${content.length} ${path}`,
  );
  const head = ['Suite: stable', 'Date: Sat, 09 Nov 2024 10:00:00 UTC', ...fields];
  return clearSigned(
    [...head, 'MD5Sum:', ` 0 0 main/binary-amd64/Packages.gz`, 'SHA256:', ...listed].join('\n'),
  );
}

function read(pages: Record<string, string | Buffer>, source = SUITE, wanted = ['libssl3', 'libc-bin']) {
  const asked: string[] = [];
  const fetch = async (url: string) => {
    asked.push(url);
    const page = pages[url];
    return page === undefined ? undefined : Buffer.from(page as string);
  };
  const options = { architecture: 'amd64', wanted: new Set(wanted), keyrings: [], fetch };
  return { asked, index: debianIndex(source, options) };
}

const GZ = 'main/binary-amd64/Packages.gz';
const URL_OF = (path: string) => `${ROOT}/dists/bookworm/${path}`;

describe('index of a suite', () => {
  test('has the newest version of each wanted package, and where its changelog is', async () => {
    const { index } = read({
      [URL_OF('InRelease')]: inRelease({ [GZ]: PACKED }, [
        'Changelogs: https://log.example.com/@CHANGEPATH@',
      ]),
      [URL_OF(GZ)]: PACKED,
    });
    expect(await index).toEqual({
      ...{ source: SUITE, signature: 'unchecked', date: '2024-11-09T10:00:00.000Z' },
      changelogs: 'https://log.example.com/@CHANGEPATH@',
      packages: new Map([
        [
          'libssl3',
          { version: '3.0.15-1', source: 'openssl', changePath: 'main/o/openssl/openssl_3.0.15-1' },
        ],
        ['libc-bin', { version: '2.36-9+b1', source: 'glibc', changePath: 'main/g/glibc/glibc_2.36-9' }],
      ]),
    });
  });

  test('reads an index that is not packed', async () => {
    const plain = Buffer.from(PACKAGES);
    const path = 'main/binary-amd64/Packages';
    const { index } = read({ [URL_OF('InRelease')]: inRelease({ [path]: plain }), [URL_OF(path)]: plain });
    expect([...(await index)!.packages.keys()]).toEqual(['libssl3', 'libc-bin']);
  });

  test('of a flat repository lies beside its InRelease', async () => {
    const flat = { ...SUITE, suite: './', components: [] };
    const { index } = read(
      { [`${ROOT}/./InRelease`]: inRelease({ 'Packages.gz': PACKED }), [`${ROOT}/./Packages.gz`]: PACKED },
      flat,
    );
    expect((await index)!.packages.get('libssl3')?.version).toBe('3.0.15-1');
  });

  test("has apt's place of changelogs where a release of Debian names none", async () => {
    const { index } = read({
      [URL_OF('InRelease')]: inRelease({ [GZ]: PACKED }, ['Origin: Debian', 'Label: Debian-Security']),
      [URL_OF(GZ)]: PACKED,
    });
    expect((await index)!.changelogs).toBe(
      'https://metadata.ftp-master.debian.org/changelogs/@CHANGEPATH@_changelog',
    );
  });

  test('is undefined without InRelease, and for backports', async () => {
    expect(await read({}).index).toBeUndefined();
    const { index, asked } = read({
      [URL_OF('InRelease')]: inRelease({ [GZ]: PACKED }, ['NotAutomatic: yes']),
    });
    expect(await index).toBeUndefined();
    expect(asked).toEqual([URL_OF('InRelease')]);
  });
});

describe('refuses', () => {
  const good = inRelease({ [GZ]: PACKED });

  test('an index whose SHA-256 is not the one in InRelease', async () => {
    const { index } = read({ [URL_OF('InRelease')]: good, [URL_OF(GZ)]: gzipSync(`${PACKAGES}\n`) });
    await expect(index).rejects.toMatchObject({
      code: 'INDEX_INVALID',
      message: expect.stringContaining('its SHA-256 is not the one in InRelease'),
    });
  });

  test('an index that InRelease names and the mirror lacks', async () => {
    await expect(read({ [URL_OF('InRelease')]: good }).index).rejects.toMatchObject({
      code: 'INDEX_INVALID',
    });
  });

  test.each([
    ['text that nobody signed', 'SHA256:\n'],
    ['text before the signed message', `SHA256:\n ${sha256(PACKED)} 1 ${GZ}\n${good}`],
    ['a login page', '<html></html>'],
  ])('%s', async (_, text) => {
    const { index } = read({ [URL_OF('InRelease')]: text, [URL_OF(GZ)]: PACKED });
    await expect(index).rejects.toMatchObject({ code: 'INDEX_INVALID' });
  });

  test('a paragraph that does not end', async () => {
    const endless = gzipSync(`Package: a\n${'x: y\n'.repeat(500_000)}`);
    const { index } = read({
      [URL_OF('InRelease')]: inRelease({ [GZ]: endless }),
      [URL_OF(GZ)]: endless,
    });
    await expect(index).rejects.toMatchObject({ message: expect.stringContaining('does not end') });
  });
});
