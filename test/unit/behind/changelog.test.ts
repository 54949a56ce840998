import { expect, test } from 'vitest';
import { changelogEntries, cvesBetween } from '../../../src/behind/changelog.ts';
import { ORDERS } from '../../../src/versions/orders.ts';

const CHANGELOG = `openssl (3.0.15-1~deb12u1) bookworm; urgency=medium

  * Import 3.0.15
    - CVE-2024-5535 (Fix possible buffer overread).
    - CVE-2024-6119, CVE-2024-5535 again.

 -- A Maintainer <a@example.com>  Sun, 29 Sep 2024 20:55:00 +0200

openssl (3.0.14-1~deb12u2) bookworm-security; urgency=medium

  * CVE-2024-4741 (openssl (3.0.0) is named here and is not an entry; no)

 -- A Maintainer <a@example.com>  Sun, 25 Aug 2024 20:55:00 +0200

openssl (3.0.13-1~deb12u1) bookworm; urgency=medium

  * CVE-2023-5678

 -- A Maintainer <a@example.com>  Sun, 04 Feb 2024 20:55:00 +0200
`;

test('has the CVE ids that each entry names', () => {
  expect(changelogEntries(CHANGELOG)).toEqual([
    { version: '3.0.15-1~deb12u1', cves: ['CVE-2024-5535', 'CVE-2024-6119', 'CVE-2024-5535'] },
    { version: '3.0.14-1~deb12u2', cves: ['CVE-2024-4741'] },
    { version: '3.0.13-1~deb12u1', cves: ['CVE-2023-5678'] },
  ]);
});

test('quotes the entries after the installed version, up to the offered one', () => {
  const between = (from: string, to: string) => cvesBetween(CHANGELOG, from, to, ORDERS.deb);
  expect(between('3.0.13-1~deb12u1', '3.0.15-1~deb12u1')).toEqual([
    'CVE-2024-4741',
    'CVE-2024-5535',
    'CVE-2024-6119',
  ]);
  expect(between('3.0.13-1~deb12u1', '3.0.14-1~deb12u2')).toEqual(['CVE-2024-4741']);
  expect(between('3.0.15-1~deb12u1', '3.0.15-1~deb12u1')).toEqual([]);
});
