import { searchText } from './block-search.ts';
import { isSecretValue } from './secret-names.ts';

/** Of a value at most so many leading characters are shown, and never more than a quarter of it. */
const SHOWN = 4;

/** What may be said of a secret: how it begins. `ghp_…` */
export function masked(secret: string): string {
  const start = secret.slice(0, Math.min(SHOWN, Math.floor(secret.length / 4)));
  return `${start.replace(/[^\x21-\x7e]/g, '?')}…`;
}

/** A value in an instruction or command line: `NAME=value`, `NAME="a value"`, `ENV NAME value`. */
const PAIR = /([A-Za-z_][\w.-]*)(=|(?<=^(?:ENV|ARG|LABEL) [A-Za-z_][\w.-]*)\s)("[^"]*"|'[^']*'|[^\s"']+)/g;

/** A text, such as an instruction, in which all secrets are masked: it may be shown. */
export function withoutSecrets(text: string): string {
  // From the end: the places of those before stay right.
  let bytes = Buffer.from(text);
  for (const { at, secret } of searchText(text).reverse()) {
    const rest = bytes.subarray(at + secret.length);
    bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(masked(secret)), rest]);
  }
  return bytes.toString().replace(PAIR, (whole, name: string, sign: string, quoted: string) => {
    const value = quoted.replace(/^(["'])(.*)\1$/s, '$2');
    return isSecretValue(name, value, true) && !value.endsWith('…')
      ? `${name}${sign}${masked(value)}`
      : whole;
  });
}
