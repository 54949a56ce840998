import { usageError } from '../usage.ts';

/**
 * The fields of a flag's value like `type=image,"name=a,b"`: separated by commas, a whole field in quotes where it
 * contains some. Keys are in lower case; a field without `=` is true.
 *
 * @throws JettisonError with exit code 2
 */
export function fieldsOf(text: string, flag: string): [key: string, value: string][] {
  const fields: [string, string][] = [];
  const pattern = /("(?:[^"]|"")*"|[^",]*)(?:,|$)/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) {
      throw usageError(`${flag} ${text} cannot be read`, 'Fields are key=value, separated by commas.');
    }
    const field = match[1]!.startsWith('"') ? match[1]!.slice(1, -1).replaceAll('""', '"') : match[1]!;
    if (field === '') continue;
    const equals = field.indexOf('=');
    if (equals === 0) throw usageError(`${flag} ${text} has a field without a name`, 'Write key=value.');
    fields.push(
      equals < 0
        ? [field.trim().toLowerCase(), 'true']
        : [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)],
    );
  }
  return fields;
}

/** @throws JettisonError with exit code 2 */
export function booleanOf(value: string, key: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw usageError(`${key}=${value} is neither true nor false`, `Write ${key}=true or ${key}=false.`);
}
