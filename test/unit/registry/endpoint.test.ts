import { describe, expect, it } from 'vitest';
import { endpoints, hostName, isLoopback } from '../../../src/registry/endpoint.ts';
import { environmentMirrors } from '../../../src/registry/mirrors.ts';

const hrefs = (registry: string, insecure = false) =>
  endpoints(registry, insecure).map(({ origin }) => origin);

describe('where a registry is served', () => {
  it('is https', () => {
    expect(hrefs('ghcr.io')).toEqual(['https://ghcr.io']);
    expect(hrefs('registry.lan:5000')).toEqual(['https://registry.lan:5000']);
  });

  it("is a host of its own for Docker Hub's images", () => {
    expect(hrefs('docker.io')).toEqual(['https://registry-1.docker.io']);
  });

  it.each(['localhost', 'localhost:5000', '127.0.0.1:5000', '127.1.2.3', '[::1]:5000'])(
    'is http first for %s',
    (registry) => {
      expect(isLoopback(registry)).toBe(true);
      expect(hrefs(registry).map((href) => href.split(':')[0])).toEqual(['http', 'https']);
    },
  );

  it.each(['localhost.example.com', '128.0.0.1', '127.0.0.1.example.com', '[::2]:5000'])(
    'is not loopback for %s',
    (registry) => {
      expect(isLoopback(registry)).toBe(false);
    },
  );

  it('may be http where that is allowed', () => {
    expect(hrefs('registry.lan:5000', true)).toEqual([
      'https://registry.lan:5000',
      'http://registry.lan:5000',
    ]);
  });

  it('has a host without port and brackets', () => {
    expect(hostName('[::1]:5000')).toBe('::1');
    expect(hostName('a.b:1')).toBe('a.b');
    expect(hostName('a.b')).toBe('a.b');
  });
});

describe('mirrors', () => {
  const mirrors = (registry: string, setting: string) =>
    environmentMirrors(registry, { JETTISON_MIRRORS: setting })!.map(({ location }) => String(location));

  it('are listed by registry', () => {
    const setting =
      'docker.io=https://one.example.com, docker.io=127.0.0.1:5000,ghcr.io=two.example.com/cache';
    expect(mirrors('docker.io', setting)).toEqual(['https://one.example.com/', 'http://127.0.0.1:5000/']);
    expect(mirrors('ghcr.io', setting)).toEqual(['https://two.example.com/cache']);
    expect(mirrors('quay.io', setting)).toEqual([]);
  });

  it('that make no sense are refused', () => {
    for (const setting of ['https://one.example.com', 'docker.io=', 'docker.io=ftp://x']) {
      expect(() => mirrors('docker.io', setting)).toThrow(/invalid entry in JETTISON_MIRRORS/);
    }
  });

  it('come from nowhere by default', () => {
    expect(environmentMirrors('docker.io', {})).toBeUndefined();
  });
});
