import { usageError } from '../errors/error.ts';

/**
 * Splits one CSV record, like `type=image,"name=a,b"`: a field with commas is in double quotes, which are doubled
 * inside it.
 *
 * @returns undefined for an invalid record
 */
export function splitRecord(text: string): string[] | undefined {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = field.exec(text);
    if (match === null) return undefined;
    const [, quoted, plain, end] = match;
    fields.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === '') return fields;
  }
}

/**
 * The fields of a flag's value, `key=value,key=value`. Keys are in lower case; a field without `=` is `true`; empty
 * fields are skipped.
 *
 * @throws JettisonError with exit code 2
 */
export function fieldsOf(text: string, flag: string): [key: string, value: string][] {
  const record = splitRecord(text);
  if (record === undefined) {
    throw usageError(`invalid ${flag} "${text}"`, 'Fields are key=value, separated by commas.');
  }
  return record.flatMap((field): [string, string][] => {
    if (field === '') return [];
    const equals = field.indexOf('=');
    if (equals === 0) throw usageError(`${flag} ${text} has a field without a name`, 'Write key=value.');
    if (equals < 0) return [[field.trim().toLowerCase(), 'true']];
    return [[field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)]];
  });
}

/** @throws JettisonError with exit code 2 */
export function booleanOf(value: string, key: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw usageError(`${key}=${value} is neither true nor false`, `Write ${key}=true or ${key}=false.`);
}
