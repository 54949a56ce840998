import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ORDERS } from '../../../src/versions/orders.ts';

/** Each row from the oldest to the newest. */
const ASCENDING: [type: keyof typeof ORDERS, versions: string[]][] = [
  [
    'deb',
    ['1.0~beta1~svn1', '1.0~beta1', '1.0', '1.0-1', '1.0-1+deb12u1', '1.0a-1', '1.0+b-1', '1.1', '1:0.1'],
  ],
  ['deb', ['0.9.8', '0.9.10', '1.0-0.1', '1.0-1', '1.0-1.1', '2']],
  [
    'apk',
    [
      '1.0_alpha1',
      '1.0_beta',
      '1.0_pre2',
      '1.0_rc1',
      '1.0',
      '1.0-r1',
      '1.0-r10',
      '1.0_git1',
      '1.0_p1',
      '1.0a',
      '1.0.1',
    ],
  ],
  ['apk', ['1.05', '1.1', '1.10', '1.20', '2']],
  ['apk', ['3.0.15-r0', '3.0.15-r1', '3.1.0-r0']],
  ['rpm', ['1.0~rc1-1', '1.0-1', '1.0-2', '1.0^git1-1', '1.0a-1', '1.0.1-1', '1.10-1', '1:0.5-1']],
  ['npm', ['1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-beta', '1.0.0-rc.2', '1.0.0-rc.10', '1.0.0', '1.0.10']],
  [
    'golang',
    [
      'v0.0.0-20190308221718-c2843e01d9a2',
      'v0.0.0-20200101000000-aaaaaaaaaaaa',
      'v0.1.0',
      'v1.0.0-rc1',
      'v1.0.0',
      'v2.0.0+incompatible',
    ],
  ],
  ['golang', ['go1.21rc2', 'go1.21', 'go1.21.1', '1.22', '1.22.3']],
  ['pypi', ['1.0.dev1', '1.0a1', '1.0b2', '1.0rc1', '1.0', '1.0.post1', '1.1', '1!0.1']],
  [
    'maven',
    ['1-alpha-1', '1-beta', '1-milestone-2', '1-rc', '1-snapshot', '1', '1-sp', '1-foo', '1-1', '1.1'],
  ],
  ['maven', ['2.0.0.RELEASE', '2.0.1', '2.10', '2.13.4.1', '2.13.4.2']],
  ['generic', ['1.20.1', '1.25.3', '3.0.2a', '3.0.19']],
];

/** Each row says the same. */
const EQUAL: [type: keyof typeof ORDERS, versions: string[]][] = [
  ['deb', ['1.0', '0:1.0', '1.00', '1.0-0']],
  ['rpm', ['1.0-1', '0:1.0-1', '1_0-1', '1.0']],
  ['npm', ['1.0.0', 'v1.0.0', '1.0.0+build']],
  ['pypi', ['1.0', '1.0.0', 'v1.0']],
  ['maven', ['1', '1.0', '1.0.0', '1-ga', '1.0-final', '1.0.RELEASE']],
  ['maven', ['1-rc1', '1-cr1', '1.rc1', '1rc1']],
  ['maven', ['1a1', '1-alpha-1']],
];

const PARTS = [
  '0',
  '1',
  '01',
  '10',
  'a',
  'b',
  'rc',
  'alpha',
  '~',
  '^',
  '.',
  '-',
  '_',
  '+',
  ':',
  '-r1',
  '_p',
  '_rc',
];
const versions = fc.array(fc.constantFrom(...PARTS), { maxLength: 8 }).map((parts) => `1${parts.join('')}`);

describe('the order of versions', () => {
  test.each(ASCENDING)('%s: %j', (type, row) => {
    const order = ORDERS[type];
    for (const [at, a] of row.entries()) {
      expect([a, order.isVersion(a)]).toEqual([a, true]);
      for (const [other, b] of row.entries()) {
        expect([a, b, Math.sign(order.compare(a, b))]).toEqual([a, b, Math.sign(at - other)]);
      }
    }
  });

  test.each(EQUAL)('%s: equal are %j', (type, row) => {
    for (const a of row)
      for (const b of row) expect([a, b, ORDERS[type].compare(a, b) + 0]).toEqual([a, b, 0]);
  });

  test.each(Object.keys(ORDERS) as (keyof typeof ORDERS)[])('%s: is an order, whatever the texts', (type) => {
    const { compare, isVersion } = ORDERS[type];
    const known = versions
      .map((text) => [text, `1.${text}`, text.replace(/[^01.]+/g, '.1-a')])
      .map((texts) => {
        const version = texts.find(isVersion) ?? '1.0.0';
        // In RPM a missing release equals every release, which cannot be transitive.
        return type === 'rpm' && !version.includes('-') ? `${version}-1` : version;
      });
    fc.assert(
      fc.property(known, known, known, (a, b, c) => {
        expect(Math.sign(compare(a, b)) + Math.sign(compare(b, a))).toBe(0);
        expect(compare(a, a) + 0).toBe(0);
        if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test('hostile texts are no versions, at once', () => {
    for (const [type, order] of Object.entries(ORDERS)) {
      for (const text of ['', ' ', '1'.repeat(100_000), `1.${'0.'.repeat(50_000)}1`, '1.0\n2', '\0']) {
        expect([type, order.isVersion(text)]).toEqual([type, false]);
      }
    }
  });
});
