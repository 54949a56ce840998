import type { VersionOrder } from '../versions/orders.ts';

/** `openssl (3.0.15-1~deb12u1) bookworm-security; urgency=medium`. */
const ENTRY = /^(\S+) \(([^()\s]+)\) [^;]+;/;

/** The entries of a Debian changelog: their version, and the CVE ids that they name. */
export function changelogEntries(text: string): { version: string; cves: string[] }[] {
  const entries: { version: string; cves: string[] }[] = [];
  for (const line of text.split('\n')) {
    const version = ENTRY.exec(line)?.[2];
    if (version !== undefined) entries.push({ version, cves: [] });
    else entries.at(-1)?.cves.push(...(line.match(/\bCVE-\d{4}-\d{4,7}\b/g) ?? []));
  }
  return entries;
}

/** The CVE ids in the entries after a version, up to another one. */
export function cvesBetween(text: string, from: string, to: string, order: VersionOrder): string[] {
  const between = changelogEntries(text).filter(
    ({ version }) =>
      order.isVersion(version) && order.compare(version, from) > 0 && order.compare(version, to) <= 0,
  );
  return [...new Set(between.flatMap(({ cves }) => cves))].sort();
}
