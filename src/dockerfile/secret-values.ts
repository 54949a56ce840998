import { searchText } from '../secrets/block-search.ts';
import { isPlaceholder } from '../secrets/placeholders.ts';
import { entropy } from '../secrets/randomness.ts';
import { withArticle } from '../secrets/secret-kind.ts';

/** Characters of base64 and similar encodings only. */
const KEY_LIKE = /^[A-Za-z0-9+/_-]{32,}={0,2}$/;
/** Digests of files and packages, which are not secret. */
const DIGEST = /^(?:(?:sha(?:1|256|384|512)|md5)[-:])/i;
/** Characters that tokens have at least. */
const SHORTEST = 16;
/** Bits per character: English words and paths have less, random base64 of this length has more. */
const LEAST_ENTROPY = 4.3;

/**
 * The kind of secret that a variable's value looks like, with its article; undefined for other values. Hexadecimal
 * digits are never taken for one: they are mostly digests and commits. A token whose checksum is wrong counts: it was
 * meant to be one.
 */
export function secretKind(value: string): string | undefined {
  // Most values are short, and no secret has so few characters and no sign of a URL or a name.
  const [known] = value.length >= SHORTEST || /[@:=]/.test(value) ? searchText(value) : [];
  if (known !== undefined) return withArticle(known.kind.title);
  if (!KEY_LIKE.test(value) || DIGEST.test(value) || value.startsWith('/')) return undefined;
  if (isPlaceholder(value)) return undefined;
  const mixed = /[a-z]/.test(value) && /[A-Z]/.test(value) && /[0-9]/.test(value);
  return mixed && entropy(value) >= LEAST_ENTROPY ? 'a random key' : undefined;
}
