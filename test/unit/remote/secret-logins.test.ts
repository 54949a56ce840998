import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { basicLogin, gitAuthorization, httpAuthorization } from '../../../src/remote/secret-logins.ts';

const secrets = (texts: Record<string, string>) =>
  new Map(Object.entries(texts).map(([id, text]) => [id, Buffer.from(text, 'latin1')]));
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('the header for a git host', () => {
  const url = new URL('https://example.com:8443/a.git');
  it.each([
    ['nothing without a secret', {}, undefined],
    ['nothing of another host', { 'GIT_AUTH_TOKEN.example.com': 't' }, undefined],
    ['a token as a password', { GIT_AUTH_TOKEN: 't' }, `basic ${base64('x-access-token:t')}`],
    ['a header as it is', { GIT_AUTH_HEADER: 'bearer t', GIT_AUTH_TOKEN: 'no' }, 'bearer t'],
    [
      "the host's own rather than that of all",
      { GIT_AUTH_HEADER: 'no', 'GIT_AUTH_TOKEN.example.com:8443': 't' },
      `basic ${base64('x-access-token:t')}`,
    ],
    ['the next one for an empty one', { 'GIT_AUTH_TOKEN.example.com:8443': '\n', GIT_AUTH_HEADER: 'h' }, 'h'],
    ['no line break at the end', { GIT_AUTH_HEADER: 'h\r\n' }, 'h'],
  ])('is %s', (_, texts, header) => {
    expect(gitAuthorization(url, secrets(texts as Record<string, string>))).toBe(header);
  });
});

describe('the header for a URL', () => {
  it.each([
    [
      'the token, without the port',
      'https://example.com:8443/a',
      { 'HTTP_AUTH_TOKEN_example.com': 't' },
      'Bearer t',
    ],
    ['the header', 'https://example.com/a', { 'HTTP_AUTH_HEADER_example.com': 'h' }, 'h'],
    ['an address of IPv6 without brackets', 'https://[::1]/a', { 'HTTP_AUTH_TOKEN_::1': 't' }, 'Bearer t'],
    ['nothing of another host', 'https://example.com/a', { HTTP_AUTH_TOKEN_com: 't' }, undefined],
  ])('is %s', (_, url, texts, header) => {
    expect(httpAuthorization(new URL(url), secrets(texts as unknown as Record<string, string>))).toBe(header);
  });
});

describe('a secret in a header', () => {
  it('is refused by its name, and not shown, when it could begin another header', () => {
    for (const text of ['a\nb', 'a\r\nX: y', 'a\0', '\x1b[2J']) {
      const send = () => gitAuthorization(new URL('https://h/'), secrets({ GIT_AUTH_HEADER: text }));
      expect(send).toThrow(expect.objectContaining({ code: 'SECRET_INVALID' }));
      expect(send).toThrow('GIT_AUTH_HEADER');
      expect(send).not.toThrow(text);
    }
  });

  it('that has a user and a password gives both back', () => {
    const name = fc.string().filter((text) => !/[:\0\r\n\ufffd]/.test(text));
    const word = fc.string().filter((text) => !/[\0\r\n\ufffd]/.test(text));
    fc.assert(
      fc.property(name, word, (username, password) => {
        expect(basicLogin(`Basic ${base64(`${username}:${password}`)}`)).toEqual({ username, password });
      }),
    );
    for (const header of ['Bearer x', 'basic', `basic ${base64('nobody')}`, 'basic !']) {
      expect(basicLogin(header), header).toBeUndefined();
    }
  });
});
