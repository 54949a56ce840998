import { SOURCE_KEYS, TARGET_KEYS } from '../../cache/backend.ts';
import { BACKENDS, type CacheSource, type CacheTarget } from '../../cache/backends.ts';
import { closest } from '../../errors/closest.ts';
import type { JettisonError } from '../../errors/error.ts';
import { usageError } from '../../errors/error.ts';
import { fieldsOf } from '../../fields/csv.ts';
import { type Keys, setOptions } from '../../fields/keys.ts';

/** Backends of other builders, with alternatives. */
const ELSEWHERE: Record<string, string> = {
  gha: 'use type=local with a folder that actions/cache keeps, or type=registry: see docs/cache.md',
  s3: 'use type=registry, or type=local with a folder that is copied there and back',
  azblob: 'use type=registry, or type=local with a folder that is copied there and back',
};

/** A value of `--cache-from`: `type=registry,ref=NAME`, `type=local,src=FOLDER`, or a name. */
export function cacheSource(text: string, cwd: string): CacheSource {
  const { type, fields } = parts(text, '--cache-from');
  const backend = BACKENDS.find((one) => one.kind === 'place' && one.type === type);
  if (backend?.kind !== 'place') throw unknownType(type, '--cache-from');
  return options(text, { type }, fields, { ...backend.from, ...SOURCE_KEYS } as Keys<object>, cwd);
}

/** A value of `--cache-to`: `type=registry,ref=NAME`, `type=local,dest=FOLDER`, `type=inline`, or a name. */
export function cacheTarget(text: string, cwd: string): CacheTarget {
  const { type, fields } = parts(text, '--cache-to');
  const backend = BACKENDS.find((one) => one.type === type);
  if (backend === undefined) throw unknownType(type, '--cache-to');
  const keys = backend.kind === 'place' ? { ...backend.to, ...TARGET_KEYS } : backend.to;
  return options(text, { type }, fields, keys as Keys<object>, cwd);
}

function parts(text: string, flag: string): { type: string; fields: Map<string, string> } {
  const fields = new Map(fieldsOf(text.includes('=') ? text : `type=registry,ref=${text}`, flag));
  const type = fields.get('type') ?? (fields.has('ref') ? 'registry' : '');
  fields.delete('type');
  return { type, fields };
}

function options<T extends { type: string }>(
  text: string,
  draft: object,
  fields: Map<string, string>,
  keys: Keys<object>,
  cwd: string,
): T {
  setOptions(draft, fields, keys, cwd, {
    unknown: (key) => `the cache "${text}" cannot have "${key}"`,
    missing: (key) => `the cache "${text}" has no ${key}`,
    docs: 'docs/cache.md',
  });
  return draft as T;
}

function unknownType(type: string, flag: '--cache-from' | '--cache-to'): JettisonError {
  const instead = ELSEWHERE[type];
  if (instead !== undefined)
    return usageError(`${flag} type=${type} is not supported`, `Instead ${instead}.`);
  const known = BACKENDS.filter(({ kind }) => kind === 'place' || flag === '--cache-to').map(
    (one) => one.type,
  );
  if (flag === '--cache-from' && BACKENDS.some((one) => one.type === type))
    return usageError(
      `--cache-from cannot have type=${type}`,
      'Read such a cache with type=registry,ref=IMAGE.',
    );
  const meant = closest(type, known);
  const hint = meant === undefined ? `The types are ${known.join(', ')}.` : `Did you mean ${meant}?`;
  return usageError(`unknown ${flag} type "${type}"`, hint);
}
