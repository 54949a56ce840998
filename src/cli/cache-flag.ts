import { resolve } from 'node:path';
import type { CacheSource, CacheTarget } from '../cache/places.ts';
import { canonicalName } from '../image/reference.ts';
import { booleanOf, fieldsOf } from './csv-flag.ts';
import { usageError } from './usage.ts';

const LATER = new Set(['gha', 's3', 'azblob']);

/** Values of `--cache-from`: `type=registry,ref=NAME`, `type=local,src=FOLDER`, or a name. */
export function cacheSource(text: string, cwd: string): CacheSource {
  const { type, fields } = parts(text, '--cache-from');
  switch (type) {
    case 'registry':
      return take<CacheSource>(fields, text, {
        type,
        ref: canonicalName(required(fields, 'ref', text)),
        ...insecureOf(fields),
      });
    case 'local': {
      const path = resolve(cwd, required(fields, 'src', text));
      return take<CacheSource>(fields, text, { type, path, ...tagOf(fields) });
    }
    default:
      throw unknownType(
        type,
        '--cache-from',
        'registry and local; an inline cache is read with type=registry',
      );
  }
}

/** Values of `--cache-to`: `type=registry,ref=NAME`, `type=local,dest=FOLDER`, `type=inline`, or a name. */
export function cacheTarget(text: string, cwd: string): CacheTarget {
  const { type, fields } = parts(text, '--cache-to');
  if (type === 'inline') return take<CacheTarget>(fields, text, { type });
  const mode = fields.get('mode');
  if (mode !== undefined && mode !== 'min' && mode !== 'max') {
    throw usageError(`there is no cache mode "${mode}"`, 'There are min and max.');
  }
  fields.delete('mode');
  const ignore = fields.get('ignore-error');
  fields.delete('ignore-error');
  const options = {
    ...(mode === undefined ? {} : { mode }),
    ...(ignore === undefined ? {} : { ignoreError: booleanOf(ignore, 'ignore-error') }),
  } as { mode?: 'min' | 'max'; ignoreError?: boolean };
  switch (type) {
    case 'registry':
      for (const key of ['image-manifest', 'oci-mediatypes']) {
        if (!booleanOf(fields.get(key) ?? 'true', key))
          throw usageError(`${key}=false is not possible`, 'Caches are OCI image manifests.');
        fields.delete(key);
      }
      return take<CacheTarget>(fields, text, {
        type,
        ref: canonicalName(required(fields, 'ref', text)),
        ...insecureOf(fields),
        ...options,
      });
    case 'local': {
      const path = resolve(cwd, required(fields, 'dest', text));
      return take<CacheTarget>(fields, text, { type, path, ...tagOf(fields), ...options });
    }
    default:
      throw unknownType(type, '--cache-to', 'registry, local and inline');
  }
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
  return tag === undefined ? {} : { tag };
}

function insecureOf(fields: Map<string, string>): { insecure?: boolean } {
  const insecure = fields.get('registry.insecure');
  fields.delete('registry.insecure');
  return insecure === undefined ? {} : { insecure: booleanOf(insecure, 'registry.insecure') };
}

/** Everything that was given must have been understood. */
function take<T>(fields: Map<string, string>, text: string, value: T): T {
  const [unknown] = fields.keys();
  if (unknown === undefined) return value;
  throw usageError(`the cache "${text}" cannot have "${unknown}"`, 'See docs/cache.md for what it can.');
}

function unknownType(type: string, flag: string, known: string) {
  return LATER.has(type)
    ? usageError(`${flag} type=${type} is not supported by this version yet`, `There are ${known}.`)
    : usageError(`there is no ${flag} type "${type}"`, `There are ${known}.`);
}
