import { closest } from '../errors/closest.ts';
import { usageError } from '../errors/error.ts';
import { booleanOf } from './csv.ts';

/** The context in which a key's value is read. */
export interface FieldContext {
  /** As typed; of `annotation.KEY` the whole. */
  key: string;
  /** What `KEY` stands for in `annotation.KEY`; else empty. */
  rest: string;
  /** Absolute; relative paths start here. */
  cwd: string;
}

/** A key of a flag's `key=value` fields: parser, suggestions and docs come of it. */
export interface Key<O> {
  /** How the value is written, e.g. `true` or `N`. */
  value: string;
  /** One or two sentences of Markdown. */
  help: string;
  required?: true;
  /** Puts the value into the options. @throws JettisonError with exit code 2 */
  set(options: O, value: string, context: FieldContext): void;
}

/** By name; a name like `annotation.KEY` is a key for each `annotation.…`. */
export type Keys<O> = Readonly<Record<string, Key<O>>>;

/** Says what is wrong with a key that is unknown or missing. */
export interface KeyErrors {
  unknown(key: string): string;
  missing(key: string): string;
  /** Where the keys are listed, e.g. `docs/output.md`. */
  docs: string;
}

/**
 * Sets options by a flag's fields.
 *
 * @throws JettisonError with exit code 2 for a key that is unknown, missing, or has an invalid value
 */
export function setOptions<O>(
  options: O,
  fields: ReadonlyMap<string, string>,
  keys: Keys<O>,
  cwd: string,
  errors: KeyErrors,
): void {
  for (const [key, value] of fields) {
    const name = nameOf(key, keys);
    if (name === undefined) {
      const meant = closest(key, Object.keys(keys));
      const hint = meant === undefined ? `See ${errors.docs} for its keys.` : `Did you mean ${meant}?`;
      throw usageError(errors.unknown(key), hint);
    }
    const rest = name === key ? '' : key.slice(name.length - 'KEY'.length);
    keys[name]!.set(options, value, { key, rest, cwd });
  }
  for (const [key, { required }] of Object.entries(keys)) {
    if (required && !fields.get(key)) throw usageError(errors.missing(key), `Add ${key}=….`);
  }
}

function nameOf(key: string, keys: Keys<never>): string | undefined {
  if (Object.hasOwn(keys, key)) return key;
  return Object.keys(keys).find(
    (name) => name.endsWith('.KEY') && key.startsWith(name.slice(0, -3)) && key.length > name.length - 3,
  );
}

/** A key whose value is true or false. */
export function toggle<N extends string>(option: N, help: string): Key<{ [name in N]?: boolean }> {
  return {
    value: 'true',
    help,
    set(options, value, { key }) {
      options[option] = booleanOf(value, key);
    },
  };
}

/** A key of Docker that may only be true: nothing else is possible here. */
export function alwaysTrue(reason: string): Key<unknown> {
  return {
    value: 'true',
    help: `Accepted for compatibility. ${reason}`,
    set(_, value, { key }) {
      if (!booleanOf(value, key)) throw usageError(`${key}=false is not possible`, reason);
    },
  };
}
