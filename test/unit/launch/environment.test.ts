import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeEnvironment, variable } from '../../../src/launch/environment.ts';

describe('completeEnvironment', () => {
  it('adds HOME and PATH only where they are missing', () => {
    expect(completeEnvironment([], '/root').plain).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOME=/root',
    ]);
    expect(completeEnvironment(['HOME=/x', 'PATH='], '/root').plain).toEqual(['PATH=', 'HOME=/x']);
  });

  it('takes the last of several values, and no variable without a name or a value', () => {
    expect(completeEnvironment(['A=1', 'PATH=/', 'A=2=3', '=x', 'B'], '/').plain).toEqual([
      'PATH=/',
      'HOME=/',
      'A=2=3',
    ]);
  });

  it.each([
    'LD_PRELOAD=x',
    'LD_LIBRARY_PATH=',
    'GLIBC_TUNABLES=a',
    'LOCPATH=.',
    'LANG=a/b',
    'LC_ALL=../x',
    'BASH_ENV=x',
  ])('guards %s', (entry) => {
    expect(completeEnvironment([entry], '/').guarded).toEqual([entry]);
  });

  it.each(['LANG=C.UTF-8', 'LC_ALL=de_DE@euro', 'TMPDIR=/x', 'MY_LD_PRELOAD=x', 'NODE_ENV=a/b'])(
    'does not guard %s',
    (entry) => {
      expect(completeEnvironment([entry], '/').guarded).toEqual([]);
    },
  );

  it('keeps every variable exactly once', () => {
    const name = fc.stringMatching(/^[A-Z_]{1,4}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
        const environment = completeEnvironment(
          pairs.map(([key, value]) => `${key}=${value}`),
          '/',
        );
        const wanted = new Map(pairs);
        for (const [key, value] of wanted) expect(variable(environment, key)).toBe(value);
        expect(environment.plain.length + environment.guarded.length).toBe(
          new Set(['PATH', 'HOME', ...wanted.keys()]).size,
        );
      }),
    );
  });
});
