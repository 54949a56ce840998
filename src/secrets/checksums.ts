import { crc32 } from 'node:zlib';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Of GitHub's and npm's tokens: random characters, then the checksum's. */
const RANDOM = 30;
const CHECK = 6;

/**
 * Whether the last 6 characters are the CRC-32 of the 30 before them in base 62: GitHub's tokens since 2021, npm's
 * since then. Undefined for other lengths, which other tokens with the same beginning have.
 *
 * @param token with its prefix: `ghp_…`, `npm_…`
 */
export function hasCrc32(token: string): boolean | undefined {
  const body = token.slice(token.indexOf('_') + 1);
  if (body.length !== RANDOM + CHECK) return undefined;
  return base62(crc32(body.slice(0, RANDOM))).padStart(CHECK, '0') === body.slice(RANDOM);
}

/** A number in base 62, as GitHub writes it: digits, upper case, lower case. */
function base62(value: number): string {
  let rest = value;
  let text = '';
  do {
    text = BASE62[rest % 62] + text;
    rest = Math.floor(rest / 62);
  } while (rest > 0);
  return text;
}

/** Whether the first part of a JSON web token is a header: JSON in base64url, with an algorithm that signs. */
export function isJwt(token: string): boolean {
  const header = jsonIn(token.slice(0, token.indexOf('.')));
  const { alg } = (header ?? {}) as { alg?: unknown };
  return typeof alg === 'string' && alg !== 'none';
}

/** The value of JSON in base64; undefined for something else. */
export function jsonIn(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
  } catch {
    return undefined;
  }
}
