import { compare as comparePep440, valid as validPep440 } from '@renovatebot/pep440';
import semver from 'semver';
import { compareApk, isApkVersion } from './apk.ts';
import { compareDeb } from './deb.ts';
import { compareMaven } from './maven.ts';
import { compareRpm } from './rpm.ts';

/** The order of versions of one type of packages. */
export interface VersionOrder {
  /** Whether `compare` accepts a text. */
  isVersion(text: string): boolean;
  /** Negative if `a` is older than `b`, 0 for equal versions. */
  compare(a: string, b: string): number;
}

/** Limit for hostile versions, in characters. */
const LONGEST = 512;
const LOOSE = { loose: true } as const;

function order(isVersion: (text: string) => boolean, compare: VersionOrder['compare']): VersionOrder {
  return { isVersion: (text) => text.length <= LONGEST && isVersion(text), compare };
}

const SEMVER = order(
  (text) => semver.valid(text, LOOSE) !== null,
  (a, b) => semver.compare(a, b, LOOSE),
);

/** By the type of a package URL. */
export const ORDERS = {
  deb: order((text) => /^(\d+:)?\d[\w.+~:-]*$/.test(text), compareDeb),
  apk: order(isApkVersion, compareApk),
  rpm: order((text) => /^(\d*:)?[\w.+~^]+(-[\w.+~^]+)?$/.test(text), compareRpm),
  npm: SEMVER,
  cargo: SEMVER,
  golang: order(
    (text) => semver.valid(withoutPrefix(text), LOOSE) !== null,
    (a, b) => semver.compare(withoutPrefix(a), withoutPrefix(b), LOOSE),
  ),
  pypi: order((text) => validPep440(text) !== null, comparePep440),
  maven: order((text) => /^[a-z\d+~]+([._-][a-z\d+~]+)*$/i.test(text), compareMaven),
  generic: order((text) => /^\d[a-z\d+~]*([._-][a-z\d+~]+)*$/i.test(text), compareMaven),
} satisfies Record<string, VersionOrder>;

/** Converts Go's versions to semver: `v1.2.3`, `go1.22.1`, `1.22`, `v2.0.0+incompatible`. */
function withoutPrefix(text: string): string {
  const version = text.replace(/^(go|v)/, '').replace(/^(\d+)(\.\d+)?(rc|beta)(\d+)$/, '$1$2.0-$3$4');
  return /^\d+(\.\d+)?$/.test(version) ? `${version}${version.includes('.') ? '.0' : '.0.0'}` : version;
}
