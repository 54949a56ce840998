import { describe, expect, test } from 'vitest';
import { proxyAuthorization } from '../../../src/registry/proxy.ts';
import { basicLogin, loginIn } from '../../../src/registry/url-login.ts';

describe('the login in a URL', () => {
  test('is decoded', () => {
    expect(loginIn(new URL('https://a%40b:c%3Ad@host'))).toEqual({ username: 'a@b', password: 'c:d' });
    expect(basicLogin(new URL('https://a:b@host'))).toBe(`Basic ${Buffer.from('a:b').toString('base64')}`);
  });

  test('is undefined where there is none', () => {
    expect(loginIn(new URL('https://host'))).toBeUndefined();
    expect(basicLogin(new URL('https://:token@host'))).toBeUndefined();
  });

  test('keeps a part with an invalid percent encoding, also for a proxy', () => {
    expect(loginIn(new URL('https://a:100%@host'))).toEqual({ username: 'a', password: '100%' });
    expect(proxyAuthorization(new URL('http://a:100%@proxy'))).toEqual({
      'proxy-authorization': `Basic ${Buffer.from('a:100%').toString('base64')}`,
    });
  });
});
