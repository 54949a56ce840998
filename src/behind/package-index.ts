import { JettisonError } from '../errors/error.ts';
import type { VersionOrder } from '../versions/orders.ts';
import type { PackageSource } from './package-sources.ts';
import type { Signature } from './signature.ts';

/** The newest version of a package that a source offers. */
export interface Offered {
  version: string;
  /** Name of the source package. */
  source: string;
  /** Of Debian, the part of a changelog's address: `main/o/openssl/openssl_3.0.15-1`. */
  changePath?: string;
}

/** What a source offers now. */
export interface PackageIndex {
  source: PackageSource;
  /** When it was made, as it says: RFC 3339. */
  date?: string;
  signature: Signature;
  /** By name, of the packages that were asked for: the newest version. */
  packages: Map<string, Offered>;
  /** Where changelogs are, with `@CHANGEPATH@` for the package: of Debian and Ubuntu. */
  changelogs?: string;
}

/** Fetches one file of a source; undefined where there is none. */
export type FetchFile = (url: string) => Promise<Buffer | undefined>;

/** The error for an index that is damaged or not signed as it should be. */
export function invalidIndex(url: string, reason: string): JettisonError {
  return new JettisonError('INDEX_INVALID', `${url} is not what it should be: ${reason}`, {
    hint: 'The mirror or a proxy is being updated, or damages data: try again, or another one with --mirror.',
  });
}

/** Keeps the newest version of a package. */
export function keepNewest(
  packages: PackageIndex['packages'],
  name: string,
  offered: Offered,
  order: VersionOrder,
): void {
  const known = packages.get(name);
  if (!order.isVersion(offered.version)) return;
  if (known === undefined || order.compare(offered.version, known.version) > 0) packages.set(name, offered);
}
