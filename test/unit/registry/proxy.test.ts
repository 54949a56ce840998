import { describe, expect, it } from 'vitest';
import { proxyAuthorization, proxyFor } from '../../../src/registry/proxy.ts';

const https = new URL('https://ghcr.io/v2/');
const http = new URL('http://registry.lan:5000/v2/');

describe('proxies', () => {
  it('are chosen by the scheme of the URL', () => {
    const env = { HTTPS_PROXY: 'http://one:3128', HTTP_PROXY: 'two:8080' };
    expect(proxyFor(https, env)?.href).toBe('http://one:3128/');
    expect(proxyFor(http, env)?.href).toBe('http://two:8080/');
    expect(proxyFor(http, { HTTPS_PROXY: 'http://one:3128' })).toBeUndefined();
  });

  it('have their variables in lower case, too, which win', () => {
    expect(proxyFor(https, { HTTPS_PROXY: 'http://a', https_proxy: 'http://b' })?.host).toBe('b');
    expect(proxyFor(https, { all_proxy: 'http://c' })?.host).toBe('c');
  });

  it('are never used for loopback', () => {
    for (const url of ['http://localhost:5000/', 'http://127.0.0.9/', 'http://[::1]:5000/']) {
      expect(proxyFor(new URL(url), { ALL_PROXY: 'http://p' })).toBeUndefined();
    }
  });

  it.each([
    ['ghcr.io', true],
    ['.io', true],
    ['*.io', true],
    ['.ghcr.io', false],
    ['hcr.io', false],
    ['*', true],
    ['ghcr.io:443', true],
    ['ghcr.io:5000', false],
    ['other.example.com, GHCR.IO', true],
    ['', false],
  ])('NO_PROXY=%s excepts ghcr.io: %s', (list, excepted) => {
    expect(proxyFor(https, { HTTPS_PROXY: 'http://p', NO_PROXY: list }) === undefined).toBe(excepted);
  });

  it.each([
    ['10.0.0.0/8', 'https://10.2.3.4/', true],
    ['10.0.0.0/8', 'https://11.2.3.4/', false],
    ['fd00::/8', 'https://[fd12::1]:5000/', true],
    ['[fd12::1]:5000', 'https://[fd12::1]:5000/', true],
    ['10.0.0.0/99', 'https://10.2.3.4/', false],
  ])('NO_PROXY=%s excepts %s: %s', (list, url, excepted) => {
    expect(proxyFor(new URL(url), { HTTPS_PROXY: 'http://p', NO_PROXY: list }) === undefined).toBe(excepted);
  });

  it('that are no http URL are refused without showing their password', () => {
    const env = { HTTPS_PROXY: 'socks5://user:secret@p:1080' };
    expect(() => proxyFor(https, env)).toThrow(/not an http or https URL/);
    expect(() => proxyFor(https, env)).not.toThrow(/secret/);
  });

  it('get the user of their URL', () => {
    expect(proxyAuthorization(new URL('http://us%40er:p%3Aw@p'))).toEqual({
      'proxy-authorization': `Basic ${Buffer.from('us@er:p:w').toString('base64')}`,
    });
    expect(proxyAuthorization(new URL('http://p'))).toEqual({});
  });
});
