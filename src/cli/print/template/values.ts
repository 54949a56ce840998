import { visibleJson } from '../../../errors/safe-text.ts';

/**
 * The values that templates are applied to. Objects have fixed members: naming another one is an error. A Map has keys of
 * the user (labels, ports): a missing key gives no value.
 */
export type Value = unknown;

const SHOWN = { list: '[]', map: 'map[]', object: '<nil>', text: '' };

/**
 * An absent value, printed as Go prints an empty value of its kind. In JSON it is null, or omitted if optional.
 */
export class Absent {
  readonly #isOptional: boolean;
  static readonly list = new Absent('list');
  static readonly map = new Absent('map');

  private constructor(
    readonly kind: keyof typeof SHOWN,
    isOptional = false,
  ) {
    this.#isOptional = isOptional;
  }

  static optional(kind: keyof typeof SHOWN): Absent {
    return new Absent(kind, true);
  }

  get text(): string {
    return SHOWN[this.kind];
  }

  toJSON(): null | undefined {
    return this.#isOptional ? undefined : null;
  }
}

/** JSON of a value, as for `json` and `--json`. @param indent blanks per level; default: one line */
export function toJson(value: Value, indent?: number): string {
  const plain = (_key: string, member: unknown) =>
    member instanceof Map ? Object.fromEntries(member) : member;
  return visibleJson(JSON.stringify(value ?? null, plain, indent) ?? 'null');
}

/** A value as Go prints it: `[a b]`, `map[k:v]`, `<no value>`. */
export function show(value: Value): string {
  if (value === undefined || value === null) return '<no value>';
  if (value instanceof Absent) return value.text;
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = entriesOf(value).map(([key, inner]) => `${key}:${show(inner)}`);
  return `map[${entries.join(' ')}]`;
}

/** Whether Go's templates treat a value as true: not empty, not zero, not absent. */
export function truthy(value: Value): boolean {
  if (value instanceof Absent) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return Boolean(value);
}

/** The entries of a map (sorted by key, as in Go) or of an object. */
export function entriesOf(value: object): [string, Value][] {
  if (!(value instanceof Map)) return Object.entries(value).filter(([, inner]) => inner !== undefined);
  return [...(value as Map<string, Value>)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** A map from a JSON object with the user's keys; an absent value for null. */
export function mapOf(record: Record<string, Value> | null | undefined): Map<string, Value> | Absent {
  return record === undefined || record === null ? Absent.map : new Map(Object.entries(record));
}
