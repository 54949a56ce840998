import { createHmac } from 'node:crypto';
import { secretKind } from '../dockerfile/secret-values.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import { namesSecret } from '../secrets/secret-names.ts';

const MASK = 'xxxxx';
const MASKED = /^xxxxx#[0-9a-f]{12}$/;

/**
 * Values of variables as records may have them: of one that is or looks like a secret a keyed digest, which only says
 * whether it is the same as before.
 */
export class Masking {
  readonly #key: Uint8Array;
  readonly #secrets: readonly string[];

  /** @param key of the store; @param secrets contents of the build's secrets */
  constructor(key: Uint8Array, secrets: Iterable<string> = []) {
    this.#key = key;
    this.#secrets = [...secrets].filter((secret) => secret.length >= 4);
  }

  /** The same for a step that sees variables: their values may be a part of whatever it says. */
  seeing(variables: Readonly<Record<string, string>>): Masking {
    const values = Object.entries(variables).filter(([name, value]) => this.#isSecret(name, value));
    if (values.length === 0) return this;
    return new Masking(this.#key, [...this.#secrets, ...values.map(([, value]) => value)]);
  }

  value(name: string, value: string): string {
    if (value === '') return '';
    return this.#isSecret(name, value) ? this.digest(value) : withoutCredentials(value);
  }

  #isSecret(name: string, value: string): boolean {
    return (
      namesSecret(name) || secretKind(value) !== undefined || this.#secrets.some((one) => value.includes(one))
    );
  }

  values(variables: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, this.value(name, value)]),
    );
  }

  /** A text without the secrets in it, for people. */
  text(text: string): string {
    return this.#replace(text, () => MASK);
  }

  /** A value of JSON without the secrets in its texts: what replaces them says whether they are the same. */
  json<T>(value: T): T {
    if (typeof value === 'string') return this.#replace(value, (secret) => this.digest(secret)) as T;
    if (Array.isArray(value)) return value.map((one) => this.json(one)) as T;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.json(one)])) as T;
  }

  #replace(text: string, mask: (secret: string) => string): string {
    let masked = text;
    for (const secret of this.#secrets) masked = masked.replaceAll(secret, mask(secret));
    masked = masked.replace(/[^\s'"=,;]{12,}/g, (word) =>
      secretKind(word) === undefined ? word : mask(word),
    );
    return withoutCredentials(masked);
  }

  digest(value: string): string {
    return `${MASK}#${createHmac('sha256', this.#key).update(value).digest('hex').slice(0, 12)}`;
  }
}

/** Whether a variable's value is a secret, by its name or its look. */
export function isSecret(name: string, value: string): boolean {
  return namesSecret(name) || secretKind(value) !== undefined;
}

/** A value as people see it: of a masked one that it is. */
export function unmarked(value: string): string {
  return MASKED.test(value) ? MASK : value;
}
