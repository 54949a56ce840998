import type { AdvisoryQuery } from './advisory.ts';

/** The first line of a file: the scopes that it has, in JSON. */
export const SCOPES_KEY = '#scopes';

/** What a package is looked up in: `npm`, `deb debian 12`, `apk alpine 3.20`, `apk wolfi`. */
export function scopeOf({ type, distribution }: Pick<AdvisoryQuery, 'type' | 'distribution'>): string {
  if (distribution === undefined) return type;
  const { id, version = '' } = distribution;
  const parts = version.split('.');
  const release =
    { debian: parts[0], alpine: parts.slice(0, 2).join('.'), wolfi: '', chainguard: '' }[id] ?? version;
  return [type, id, release].filter((part) => part !== '').join(' ');
}

/** The key of a package's line. */
export function databaseKey(scope: string, name: string): string {
  const normal = scope === 'pypi' ? name.toLowerCase().replace(/[-_.]+/g, '-') : name;
  return `${scope}\0${normal}`;
}
