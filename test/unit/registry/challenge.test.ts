import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../src/registry/challenge.ts';

describe('WWW-Authenticate', () => {
  it('takes a bearer challenge apart, commas inside quotes included', () => {
    const header =
      'Bearer realm="https://auth.example.com/token",service="r",scope="repository:a/b:pull,push"';
    expect(parseChallenges(header)).toEqual([
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.example.com/token',
          service: 'r',
          scope: 'repository:a/b:pull,push',
        },
      },
    ]);
  });

  it('takes several challenges of one header apart', () => {
    expect(parseChallenges('Basic realm="x y", Bearer realm=https://t/, service="s" , Negotiate')).toEqual([
      { scheme: 'basic', parameters: { realm: 'x y' } },
      { scheme: 'bearer', parameters: { realm: 'https://t/', service: 's' } },
      { scheme: 'negotiate', parameters: {} },
    ]);
  });

  it('unescapes quoted values', () => {
    expect(parseChallenges('Basic realm="a\\"b"')).toEqual([
      { scheme: 'basic', parameters: { realm: 'a"b' } },
    ]);
  });

  it.each([undefined, '', ',,', 'realm="x"', 'Bearer realm="open', '"'])('survives %j', (header) => {
    expect(Array.isArray(parseChallenges(header))).toBe(true);
  });
});
