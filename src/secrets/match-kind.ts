import { isPlaceholderToken } from './placeholders.ts';
import type { SecretKind } from './secret-kind.ts';
import type { Surroundings } from './surroundings.ts';

/** A value that is a secret, as far as its text says. */
export interface SecretMatch {
  secret: string;
  /** Where the value begins in the text. */
  at: number;
  /** Its checksum is wrong: nobody has issued it. */
  isForged: boolean;
}

const NAME_BEFORE = /[\w.-]{0,64}$/;
const NAME_AFTER = /[\w.-]{0,80}/y;

/**
 * Tests one kind where one of its anchors is.
 *
 * @param text what is around it
 * @param at where the anchor begins in it
 */
export function matchKind(
  kind: SecretKind,
  text: string,
  at: number,
  surroundings: Surroundings,
): SecretMatch | undefined {
  if (kind.textOnly && surroundings === 'binary') return undefined;
  if (!kind.inside && !isBoundary(text, at)) return undefined;
  const pattern = kind.pattern();
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const { start = '', secret: value } = match.groups ?? {};
  const secret = start + (value ?? match[0]);
  const begin = value === undefined ? at - start.length : at + match[0].lastIndexOf(value);
  if (isPlaceholderToken(secret)) return undefined;
  if (kind.accepts !== undefined) {
    const candidate = { secret, groups: match.groups ?? {}, name: nameAround(text, at), surroundings };
    if (!kind.accepts(candidate)) return undefined;
  }
  return { secret, at: begin, isForged: kind.checksum?.(secret) === false };
}

/** Nothing that belongs to the same word is before it; an escaped newline of JSON is none. */
function isBoundary(text: string, at: number): boolean {
  return (
    at === 0 ||
    !/[A-Za-z0-9]/.test(text[at - 1]!) ||
    /(?:^|[^\\])(?:\\\\)*\\[nrt]$/.test(text.slice(Math.max(0, at - 8), at))
  );
}

function nameAround(text: string, at: number): string {
  NAME_AFTER.lastIndex = at;
  const [before = ''] = NAME_BEFORE.exec(text.slice(Math.max(0, at - 64), at)) ?? [];
  const [rest = ''] = NAME_AFTER.exec(text) ?? [];
  return before + rest;
}
