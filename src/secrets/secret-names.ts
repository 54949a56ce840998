import { isPlaceholderToken, isWeak } from './placeholders.ts';
import { isRandom } from './randomness.ts';

const SECRET_NAME = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const HARMLESS_NAME = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** True when a variable's name says that its value is a secret. The words are BuildKit's. */
export function namesSecret(name: string): boolean {
  return SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);
}

/** Words that say that a value is a secret, whatever it looks like. */
const STRONG =
  /^(?:password|passwd|pwd|pass|pword|passphrase|secret|secrets|token|apikey|credential|credentials)$/;
/** Pairs of words that do. */
const STRONG_PAIR =
  /\b(?:api|access|private|auth|encryption|signing|master|secret|account|shared|session|license) key\b/;
/** Words that say that a value is about a secret, and not one. */
const ABOUT =
  /\b(?:public|pub|file|path|dir|directory|folder|version|type|types|name|names|id|ids|url|uri|host|endpoint|header|headers|ttl|expir\w*|expires|age|length|size|min|max|limit|count|policy|algorithm|alg|hash|hashed|sha\d*|md5|digest|checksum|integrity|fingerprint|format|field|label|placeholder|prompt|hint|message|error|help|text|title|description|regex|pattern|prefix|suffix|issuer|audience|scope|scopes|method|provider|class|gpg|validator|enabled|required|reset|change|forgot|strength|input|selector|ref|arn|mode|strategy|usage|index|kind|backend|encryption(?! key)|store|storage|manager|engine|driver|service)\b/;

/** How a name speaks of its value: `strong` where it is a secret by name alone, `weak` where its look must say so, too. */
export function secrecyOf(name: string): 'strong' | 'weak' | undefined {
  const words = wordsOf(name);
  const text = words.join(' ');
  if (ABOUT.test(text)) return undefined;
  if (STRONG_PAIR.test(text) || words.some((word) => STRONG.test(word))) return 'strong';
  return /\b(?:key|auth|dsn|salt|pat|authtoken|sessionid)\b/.test(text) ? 'weak' : undefined;
}

/** `DB_PASSWORD`, `dbPassword`, `db-password` → `db`, `password`. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

/**
 * Whether the value of a name is a secret, by both.
 *
 * @param inVariables it is a variable's, or of a file of variables: they say little else under such names
 */
export function isSecretValue(name: string, value: string, inVariables: boolean): boolean {
  const secrecy = secrecyOf(name);
  if (secrecy === undefined || isPlaceholderToken(value) || isWeak(value) || isReference(value)) return false;
  if (isRandom(value)) return true;
  if (secrecy === 'weak') return false;
  if (/^[a-z]+$/i.test(value)) return inVariables && value.length >= 8 && /pass/i.test(name);
  if (inVariables) return value.length >= 4 && !/^\d{1,5}$/.test(value);
  return (
    value.length >= 8 && /[0-9]/.test(value) && /[a-z]/i.test(value) && !/^[a-z]+[-_.]?\d{1,2}$/i.test(value)
  );
}

/** What stands where a value would: a path, a URL, a variable, a digest, a fingerprint, a date. */
function isReference(value: string): boolean {
  return (
    /^(?:\.{0,2}\/|~\/|[a-z]:\\|[a-z][a-z0-9+.-]*:\/\/|(?:sha\d+|md5|arn|urn|file|env|vault|op|projects)[-:/]|[@%#*$-])/i.test(
      value,
    ) ||
    /^(?:true|false|null|none|nil|undefined|string|number|boolean|required|optional)\b/i.test(value) ||
    /^[a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)+$/.test(value) ||
    /^(?:[0-9A-F]{16}|(?:0x)?[0-9A-F]{40})$/.test(value) ||
    /^\d{4}-\d\d-\d\d/.test(value)
  );
}
