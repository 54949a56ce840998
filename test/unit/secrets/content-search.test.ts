import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContentSearch, type SearchedFile } from '../../../src/secrets/content-search.ts';
import { kindTitle } from '../../../src/secrets/kind-titles.ts';
import { PLANTED_KINDS, plantedSecrets } from '../../support/planted-secrets.ts';

/** @param cuts lengths of the pieces, in turn */
function searched(path: string, content: string | Buffer, cuts: number[] = [65536]): SearchedFile {
  const bytes = Buffer.from(content);
  const search = new ContentSearch();
  search.begin(path, bytes.length);
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = Math.max(1, cuts[turn % cuts.length]!);
    search.write(bytes.subarray(at, at + length));
    at += length;
  }
  return search.end();
}

describe('planted secrets', () => {
  test('there are 40 kinds and more, all of them in the table', () => {
    expect(PLANTED_KINDS.length).toBeGreaterThanOrEqual(40);
    expect(PLANTED_KINDS.filter((kind) => kindTitle(kind) === undefined)).toEqual([]);
  });

  test('500 are found, each as its kind and on its line', () => {
    const missed = plantedSecrets(500).filter(({ kind, path, content, value }) => {
      const { secrets } = searched(path, content);
      return !secrets.some((one) => one.kind === kind && value.startsWith(one.masked.slice(0, -1)));
    });
    expect(missed).toEqual([]);
  });

  test('no more than 4 characters and a quarter of a value are kept', () => {
    for (const { path, content, value } of plantedSecrets(200, 7)) {
      for (const { masked } of searched(path, content).secrets) {
        const shown = masked.slice(0, -1);
        expect(shown.length).toBeLessThanOrEqual(Math.min(4, value.length / 4));
      }
    }
  });

  test('are found anywhere in a large file, however it is cut', () => {
    const filler = 'const x = 1; // a line of code\n';
    const rows = plantedSecrets(70, 3).filter(({ content }) => content.startsWith('token: '));
    fc.assert(
      fc.property(
        fc.constantFrom(...rows),
        fc.integer({ min: 0, max: 3_000_000 }),
        fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 4 }),
        ({ kind, value }, before, cuts) => {
          const lead = filler.repeat(Math.ceil(before / filler.length));
          const { secrets } = searched(
            'app/x.conf',
            `${lead}token: ${value}\n${filler.repeat(20_000)}`,
            cuts.map((cut) => cut + 500),
          );
          expect(secrets).toEqual([
            expect.objectContaining({
              kind,
              offset: expect.any(Number),
              line: lead.length / filler.length + 1,
            }),
          ]);
          expect(Math.abs(secrets[0]!.offset - lead.length)).toBeLessThan(60);
        },
      ),
      { numRuns: 15 },
    );
  });

  test('are found in programs, without a line', () => {
    const { value } = plantedSecrets(1)[0]!;
    const { secrets } = searched('usr/bin/app', Buffer.from(`\x7fELF\0\0\0 ${value}\0`));
    expect(secrets).toEqual([
      { kind: 'github-token', masked: `${value.slice(0, 4)}…`, length: 40, offset: 8 },
    ]);
  });
});

describe('tokens with a wrong checksum', () => {
  test('are told apart: nobody has issued them', () => {
    const { value } = plantedSecrets(1)[0]!;
    const wrong = value.slice(0, -1) + (value.endsWith('a') ? 'b' : 'a');
    const { secrets, forged } = searched('app/x', `token ${wrong}\n`);
    expect({ secrets, forged }).toMatchObject({ secrets: [], forged: [{ kind: 'github-token', line: 1 }] });
  });
});

describe('hostile files', () => {
  test.each([
    ['beginnings of tokens', 'ghp_eyJhbGciOiJ.'],
    ['beginnings of keys', '-----BEGIN RSA PRIVATE KEY-----\nAb: c\n'],
    ['names', 'password:'],
    ['backslashes', '-----BEGIN PRIVATE KEY-----\\\\\\\\\\'],
    ['addresses', 'https://a:'],
    ['service accounts', '"service_account"'],
    ['JSON web tokens', '-eyJhbG'],
  ])('4 MB of %s take seconds', (_, piece) => {
    const content = Buffer.alloc(4 << 20, piece);
    const before = process.cpuUsage().user;
    const { secrets } = searched('app/x.env', content);
    expect(process.cpuUsage().user - before).toBeLessThan(8_000_000);
    expect(secrets.length).toBeLessThanOrEqual(100);
  });

  test('a file of beginnings only is searched in part, and says so', () => {
    expect(searched('app/x.env', Buffer.alloc(4 << 20, 'https://a:')).isPartial).toBe(true);
    expect(searched('app/x.env', 'https://a:').isPartial).toBe(false);
  });

  test('one line of 8 MB is searched to its end', () => {
    const { value } = plantedSecrets(1)[0]!;
    const { secrets } = searched('app/bundle.js', `${'var a=1;'.repeat(1 << 20)}"${value}"`);
    expect(secrets).toMatchObject([{ kind: 'github-token', line: 1 }]);
  });

  test('of thousands of secrets in a file 100 are listed, and the others counted', () => {
    const lines = plantedSecrets(67 * 40, 9)
      .filter(({ kind }) => kind === 'github-token')
      .map(({ value }) => value);
    const { secrets, more } = searched('app/list', lines.join('\n'));
    expect({ listed: secrets.length, all: secrets.length + more }).toEqual({
      listed: 100,
      all: lines.length,
    });
  });
});
