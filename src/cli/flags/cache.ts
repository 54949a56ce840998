import { resolve } from 'node:path';
import type { CacheLocation, CacheSource, CacheTarget } from '../../cache/places.ts';
import { booleanOf, fieldsOf } from '../../fields/csv.ts';
import { canonicalName } from '../../image/reference.ts';
import { usageError } from '../usage.ts';

/** Places of other builders, with what does here what they do there. */
const ELSEWHERE: Record<string, string> = {
  gha: 'use type=local with a folder that actions/cache keeps, or type=registry: see docs/cache.md',
  s3: 'use type=registry, or type=local with a folder that is copied there and back',
  azblob: 'use type=registry, or type=local with a folder that is copied there and back',
};

/** Values of `--cache-from`: `type=registry,ref=NAME`, `type=local,src=FOLDER`, or a name. */
export function cacheSource(text: string, cwd: string): CacheSource {
  const { type, fields } = parts(text, '--cache-from');
  const location = locationOf(type, fields, 'src', text, cwd);
  if (location === undefined) {
    throw unknownType(type, '--cache-from', 'registry and local; an inline cache is read with type=registry');
  }
  const options = switches(fields, { 'cache-mounts': 'cacheMounts' });
  return take<CacheSource>(fields, text, { ...location, ...options });
}

/** Values of `--cache-to`: `type=registry,ref=NAME`, `type=local,dest=FOLDER`, `type=inline`, or a name. */
export function cacheTarget(text: string, cwd: string): CacheTarget {
  const { type, fields } = parts(text, '--cache-to');
  if (type === 'inline') return take<CacheTarget>(fields, text, { type });
  const location = locationOf(type, fields, 'dest', text, cwd);
  if (location === undefined) throw unknownType(type, '--cache-to', 'registry, local and inline');
  const mode = fields.get('mode');
  if (mode !== undefined && mode !== 'min' && mode !== 'max') {
    throw usageError(`there is no cache mode "${mode}"`, 'There are min and max.');
  }
  fields.delete('mode');
  for (const key of ['image-manifest', 'oci-mediatypes']) {
    if (!booleanOf(fields.get(key) ?? 'true', key))
      throw usageError(`${key}=false is not possible`, 'Caches are OCI image manifests.');
    fields.delete(key);
  }
  const options = {
    ...(mode === undefined ? {} : { mode: mode as 'min' | 'max' }),
    ...switches(fields, { 'ignore-error': 'ignoreError', 'cache-mounts': 'cacheMounts' }),
  };
  return take<CacheTarget>(fields, text, { ...location, ...options });
}

/** Undefined for a type that is no place. @param folder what a local place calls its folder */
function locationOf(
  type: string,
  fields: Map<string, string>,
  folder: 'src' | 'dest',
  text: string,
  cwd: string,
): CacheLocation | undefined {
  if (type === 'registry') {
    const ref = canonicalName(required(fields, 'ref', text));
    return { type, ref, ...switches(fields, { 'registry.insecure': 'insecure' }) };
  }
  if (type !== 'local') return undefined;
  const path = resolve(cwd, required(fields, folder, text));
  return { type, path, ...tagOf(fields) };
}

function parts(text: string, flag: string): { type: string; fields: Map<string, string> } {
  const fields = new Map(fieldsOf(text.includes('=') ? text : `type=registry,ref=${text}`, flag));
  const type = fields.get('type') ?? (fields.has('ref') ? 'registry' : '');
  fields.delete('type');
  return { type, fields };
}

function required(fields: Map<string, string>, key: string, text: string): string {
  const value = fields.get(key);
  if (!value) throw usageError(`the cache "${text}" has no ${key}`, `Add ${key}=….`);
  fields.delete(key);
  return value;
}

function tagOf(fields: Map<string, string>): { tag?: string } {
  const tag = fields.get('tag');
  fields.delete('tag');
  if (tag === undefined) return {};
  if (!/^\w[\w.-]{0,127}$/.test(tag)) {
    throw usageError(`"${tag}" is no tag`, 'A tag has letters, digits, underscores, dots and hyphens.');
  }
  return { tag };
}

/** What may be true or false, by the names that it has in options. */
function switches<T extends string>(
  fields: Map<string, string>,
  names: Record<string, T>,
): Partial<Record<T, boolean>> {
  const found: Partial<Record<T, boolean>> = {};
  for (const [key, name] of Object.entries(names)) {
    const value = fields.get(key);
    fields.delete(key);
    if (value !== undefined) found[name] = booleanOf(value, key);
  }
  return found;
}

/** Everything that was given must have been understood. */
function take<T>(fields: Map<string, string>, text: string, value: T): T {
  const [unknown] = fields.keys();
  if (unknown === undefined) return value;
  throw usageError(`the cache "${text}" cannot have "${unknown}"`, 'See docs/cache.md for what it can.');
}

function unknownType(type: string, flag: string, known: string) {
  const instead = ELSEWHERE[type];
  return instead === undefined
    ? usageError(`there is no ${flag} type "${type}"`, `There are ${known}.`)
    : usageError(`${flag} type=${type} is not supported`, `Instead ${instead}.`);
}
