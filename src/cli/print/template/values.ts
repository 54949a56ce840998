import { visibleJson } from '../../../errors/safe-text.ts';

/**
 * What templates are applied to. Objects have members that are known beforehand: asking for another one is a
 * mistake. A Map's keys are the user's (labels, ports): what is not there is no value.
 */
export type Value = unknown;

const SHOWN = { list: '[]', map: 'map[]', object: '<nil>', text: '' };

/**
 * Something that is not there, shown as Go shows the absence of its kind. In JSON it is null, or, where it is
 * optional, its owner does not have it at all.
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

/** JSON of a value, as `json` and `--json` write it. @param indent blanks a level; none gives one line */
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

/** Go's idea of truth: not empty, not zero, not absent. */
export function truthy(value: Value): boolean {
  if (value instanceof Absent) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return Boolean(value);
}

/** The entries of a map (in the order of the keys, as Go has them) or of an object. */
export function entriesOf(value: object): [string, Value][] {
  if (!(value instanceof Map)) return Object.entries(value).filter(([, inner]) => inner !== undefined);
  return [...(value as Map<string, Value>)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** A map of what JSON has as an object with keys of the user's, or its absence. */
export function mapOf(record: Record<string, Value> | null | undefined): Map<string, Value> | Absent {
  return record === undefined || record === null ? Absent.map : new Map(Object.entries(record));
}
