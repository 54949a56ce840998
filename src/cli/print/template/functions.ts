import { JettisonError } from '../../../errors/error.ts';
import { Absent, show, toJson, truthy, type Value } from './values.ts';

type TemplateFunction = (...args: Value[]) => Value;

/** The functions of Go's templates and those that Docker adds, by name. `and` and `or` are the parser's. */
export const FUNCTIONS: Record<string, TemplateFunction> = {
  json: (value) => toJson(value),
  join: (list, separator) => strings('join', list).join(show(separator)),
  split: (text, separator) => show(text).split(show(separator)),
  lower: (text) => show(text).toLowerCase(),
  upper: (text) => show(text).toUpperCase(),
  title: (text) => show(text).replace(/(?<=^|\s)\p{L}/gu, (letter) => letter.toUpperCase()),
  pad: (text, before, after) => ' '.repeat(width(before)) + show(text) + ' '.repeat(width(after)),
  truncate: (text, length) => [...show(text)].slice(0, count(length)).join(''),
  len,
  index,
  slice,
  print: (...values) =>
    values.map((value) => show(value)).join(values.every((v) => typeof v === 'string') ? '' : ' '),
  println: (...values) => `${values.map(show).join(' ')}\n`,
  printf: (format, ...values) => printf(show(format), values),
  not: (value) => !truthy(value),
  eq: (first, ...others) => others.some((other) => same(first, other)),
  ne: (first, other) => !same(first, other),
  lt: (a, b) => compare('lt', a, b) < 0,
  le: (a, b) => compare('le', a, b) <= 0,
  gt: (a, b) => compare('gt', a, b) > 0,
  ge: (a, b) => compare('ge', a, b) >= 0,
};

/** Minimum number of arguments of each function. */
export const LEAST: Record<string, number> = {
  ...{ join: 2, split: 2, pad: 3, truncate: 2, eq: 2, ne: 2, lt: 2, le: 2, gt: 2, ge: 2 },
  ...{ print: 0, println: 0 },
};

/** The error for values that do not fit a template. */
export function failed(message: string, hint: string): JettisonError {
  return new JettisonError('FORMAT_FAILED', `--format: ${message}`, { hint });
}

function len(value: Value): number {
  if (value instanceof Absent && value.kind !== 'object') return 0;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  throw failed(`len of ${show(value)}`, 'Lists, maps and strings have a length.');
}

function index(value: Value, ...keys: Value[]): Value {
  return keys.reduce((inner, key) => {
    if (inner instanceof Map) return inner.get(show(key)) ?? '';
    if (isAbsent(inner, 'map')) return '';
    const list = isAbsent(inner, 'list') ? [] : inner;
    if (Array.isArray(list)) {
      const at = typeof key === 'number' ? key : Number.NaN;
      if (!(at >= 0 && at < list.length)) {
        throw failed(
          `index ${show(key)} of a list of ${list.length}`,
          'Test it first: {{if .RepoTags}}{{index .RepoTags 0}}{{end}}.',
        );
      }
      return list[at];
    }
    throw failed(`index of ${show(inner)}`, 'Lists and maps can be indexed.');
  }, value);
}

function slice(value: Value, from: Value = 0, to?: Value): Value {
  if (isAbsent(value, 'list')) return [];
  if (typeof value !== 'string' && !Array.isArray(value)) {
    throw failed(`slice of ${show(value)}`, 'Lists and strings can be sliced.');
  }
  return value.slice(count(from), to === undefined ? undefined : count(to));
}

function strings(name: string, value: Value): string[] {
  if (isAbsent(value, 'list')) return [];
  if (!Array.isArray(value)) throw failed(`${name} of ${show(value)}`, `${name} takes a list.`);
  return value.map((one) => show(one));
}

function isAbsent(value: Value, kind: Absent['kind']): boolean {
  return value instanceof Absent && value.kind === kind;
}

function count(value: Value): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0) return number;
  throw failed(`${show(value)} is not a count`, 'Write a whole number.');
}

/** Maximum width, to bound the memory. */
const MAX_WIDTH = 10_000;

function width(value: Value): number {
  const number = count(value);
  if (number <= MAX_WIDTH) return number;
  throw failed(`a width of ${show(value)}`, `The largest is ${MAX_WIDTH}.`);
}

function same(a: Value, b: Value): boolean {
  const plain = (value: Value) => (value instanceof Absent ? null : (value ?? null));
  return plain(a) === plain(b);
}

function compare(name: string, a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  throw failed(`${name} of ${show(a)} and ${show(b)}`, 'Two numbers or two strings can be compared.');
}

/** Maximum of JavaScript's toFixed. */
const MAX_DECIMALS = 100;
const DIRECTIVE = /%([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g;

/** Go's format verbs for strings, numbers and lists. */
function printf(format: string, values: Value[]): string {
  let next = 0;
  const text = format.replace(
    DIRECTIVE,
    (whole, flags: string, columns: string, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      const wide = width(columns === '' ? 0 : columns);
      if (next >= values.length) return `%!${verb}(MISSING)`;
      const value = values[next++];
      let shown: string;
      if (verb === 'v' || verb === 's') shown = show(value);
      else if (verb === 'd' || verb === 't') shown = show(value);
      else if (verb === 'q') shown = JSON.stringify(show(value));
      else if (verb === 'x')
        shown = typeof value === 'number' ? value.toString(16) : Buffer.from(show(value)).toString('hex');
      else if (verb === 'f')
        return Number(value)
          .toFixed(precision === undefined ? 6 : Math.min(Number(precision), MAX_DECIMALS))
          .padStart(wide);
      else return `%!${verb}(${show(value)})`;
      if (verb === 's' && precision !== undefined) shown = [...shown].slice(0, Number(precision)).join('');
      if (flags.includes('-')) return shown.padEnd(wide);
      return shown.padStart(wide, flags.includes('0') && whole.endsWith('d') ? '0' : ' ');
    },
  );
  return next === values.length ? text : `${text}%!(EXTRA ${values.slice(next).map(show).join(', ')})`;
}
