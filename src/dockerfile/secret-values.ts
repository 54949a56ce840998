import { isPlaceholder, isPlaceholderPassword } from './placeholders.ts';

/** Tokens of well-known services. */
const TOKENS: [kind: string, pattern: RegExp][] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})/],
  ['a GitLab token', /\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{16,}/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{30,}/],
  ['a Docker Hub token', /\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a Google API key', /\bAIza[A-Za-z0-9_-]{35}/],
  ['a Slack token', /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/],
  ['a Stripe key', /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/],
  ['an API key', /\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{32,}/],
  ['a PyPI token', /\bpypi-[A-Za-z0-9_-]{40,}/],
  ['a JSON web token', /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/],
];

/** `scheme://user:password@host`, as far as the host's name. */
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]*:\/\/([^\s/:@]*):([^\s/@]+)@(\[[^\]]*\]|[^\s/:,?#]*)/gi;

/** Characters of base64 and similar encodings only. */
const KEY_LIKE = /^[A-Za-z0-9+/_-]{32,}={0,2}$/;
/** Digests of files and packages, which are not secret. */
const DIGEST = /^(?:(?:sha(?:1|256|384|512)|md5)[-:])/i;
/** Bits per character: English words and paths have less, random base64 of this length has more. */
const LEAST_ENTROPY = 4.3;

const SECRET_NAME = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const HARMLESS_NAME = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** True if a variable's name means a secret. The words are BuildKit's. */
export function namesSecret(name: string): boolean {
  return SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);
}

/**
 * The kind of secret that a value looks like; undefined for other values, and for hexadecimal digits, which are mostly
 * digests and commits.
 */
export function secretKind(value: string): string | undefined {
  const known = TOKENS.find(([, pattern]) => {
    const token = pattern.exec(value)?.[0];
    return token !== undefined && !isPlaceholderToken(token);
  });
  if (known !== undefined) return known[0];
  for (const [, user = '', password = '', host = ''] of value.matchAll(URL_PASSWORD)) {
    if (!isPlaceholderPassword(user, password, host)) return 'a password in a URL';
  }
  if (!KEY_LIKE.test(value) || DIGEST.test(value) || value.startsWith('/')) return undefined;
  if (isPlaceholder(value)) return undefined;
  const mixed = /[a-z]/.test(value) && /[A-Z]/.test(value) && /[0-9]/.test(value);
  return mixed && entropy(value) >= LEAST_ENTROPY ? 'a random key' : undefined;
}

/** Whether a token is a placeholder: its body has few different characters, or words such as "example". */
function isPlaceholderToken(token: string): boolean {
  const body = token.replace(/^[A-Za-z]+[_-]/, '');
  return isPlaceholder(token) || new Set(body).size <= 3;
}

/** Shannon entropy in bits per character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
