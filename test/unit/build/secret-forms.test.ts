import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { secretForms } from '../../../src/build/secret-forms.ts';
import { Needles } from '../../../src/worker/caches/needles.ts';

const TOKEN = 'npmrcsecret-BBBB2222';

function finds(secret: string, data: string | Buffer): boolean {
  const needles = new Needles(secretForms(Buffer.from(secret)).map((form) => ['id', form] as const));
  return needles.find(Buffer.from(data as string)) !== undefined;
}

describe('the encoded forms of a secret', () => {
  test.each([
    ['.npmrc', `registry=https://registry.example.com/\n//registry.example.com/:_authToken=${TOKEN}\n`],
    ['.npmrc with a port', `//registry.example.com:8080/:_authToken="${TOKEN}"\n`],
    ['.npmrc with a password', `//r.example.com/:_password=${Buffer.from(TOKEN).toString('base64')}\n`],
    ['.netrc', `machine example.com login me password ${TOKEN}\n`],
    ['.env', `A=1\nexport API_TOKEN='${TOKEN}'\n`],
    ['.env with a name that says nothing', `NPM=${TOKEN}\n`],
    ['a header', `Authorization: Bearer ${TOKEN}\n`],
    ['a header for Basic', `Authorization: Basic ${Buffer.from(`me:${TOKEN}`).toString('base64')}\n`],
    ['YAML', `github:\n  token: ${TOKEN}\n`],
    ['JSON', JSON.stringify({ deep: [{ token: TOKEN }] })],
    [
      "Docker's config.json",
      JSON.stringify(
        { auths: { 'r.example.com': { auth: Buffer.from(`me:${TOKEN}`).toString('base64') } } },
        null,
        2,
      ),
    ],
    ['a URL', `[url "https://me:${TOKEN}@example.com/"]\n`],
    ['a URL with a token', `https://${TOKEN}@example.com/\n`],
    ['itself', `${TOKEN}\n`],
    ['a list', `first\n${TOKEN}\n`],
  ])('%s: the credential in it, in every form', (_, secret) => {
    expect(finds(secret, `x${TOKEN}y`)).toBe(true);
    for (const before of ['', 'a', 'ab', 'user:']) {
      const bytes = Buffer.from(`${before}${TOKEN} and more`);
      expect(finds(secret, `log ${bytes.toString('base64')} end`)).toBe(true);
      expect(finds(secret, `log ${bytes.toString('base64url')} end`)).toBe(true);
    }
    expect(finds(secret, Buffer.from(TOKEN).toString('hex'))).toBe(true);
  });

  test.each([
    [
      `registry=https://npm.example.com/\n//npm.example.com/:_authToken=${TOKEN}\n`,
      'https://npm.example.com/ npm.example.com',
    ],
    ['email=user1@example.com\nalways-auth=true\n', 'user1@example.com true'],
    ['machine github.example.com login someone password abc\n', 'github.example.com someone abc password'],
    ['cache=/root/.npm/1\nnode-version=20.15.0\ndate=2026-01-01\n', '/root/.npm/1 20.15.0 2026-01-01'],
    ['author=Somebody Longname\n', 'Somebody Longname'],
    ['{"credsStore":"desktop-store"}', 'desktop-store'],
    ['abc', 'abc'],
    ['', 'anything'],
  ])('what is no credential is not looked for: %j', (secret, data) => {
    expect(finds(secret, data)).toBe(false);
  });

  test('values with any characters are found as they are, in JSON, and in URLs', () => {
    const value = fc
      .string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 40 })
      .filter((text) => !/^\s|\s$/.test(text));
    fc.assert(
      fc.property(value, fc.nat(2), (text, shift) => {
        expect(finds(text, `a ${text} b`)).toBe(true);
        expect(finds(text, JSON.stringify({ text }))).toBe(true);
        expect(
          finds(
            text,
            `https://h/?q=${encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`,
          ),
        ).toBe(true);
        expect(finds(text, Buffer.from('x'.repeat(shift) + text).toString('base64'))).toBe(true);
      }),
    );
  });

  test('a large secret is looked for as it is', () => {
    const large = 'ab1'.repeat(100_000);
    expect(finds(large, `${large}x`)).toBe(true);
  });
});

describe('needles', () => {
  test('are found as by a plain search', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 40, max: 3 });
    const needle = fc.uint8Array({ minLength: 2, maxLength: 4, max: 3 });
    fc.assert(
      fc.property(bytes, fc.array(needle, { maxLength: 4 }), (data, values) => {
        const needles = new Needles(values.map((value) => ['x', value] as const));
        const plain = values.some((value) => Buffer.from(data).includes(Buffer.from(value)));
        expect(needles.find(data) !== undefined).toBe(plain);
      }),
    );
  });
});
