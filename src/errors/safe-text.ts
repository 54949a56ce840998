/**
 * Makes text safe for a terminal, a log, a record or another machine: masks credentials, and makes control characters
 * visible.
 */

/** The replacement of a credential, as in BuildKit. */
const MASK = 'xxxxx';

/** `user:password@` or `token@` after a scheme. For ssh and git, a user name alone is not a secret. */
const USERINFO = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)([^/?#@\s"'<>]{1,4096})@/gi;
/** Parameters of a URL that grant access: of signed URLs, and of services that take their token so. */
const PARAMETER =
  /([?&](?:(?:access|auth|private|id|refresh|job)?[_-]?token|sig|signature|x-(?:amz|goog)-(?:signature|credential|security-token)|password|passwd|secret|client[_-]secret|api[_-]?key)=)[^&#\s"'<>]{1,8192}/gi;
/** `Authorization: Bearer …`, and npm's `_authToken=…`. A word without digits is not a credential. */
const HEADER = /\b((?:Bearer|Basic|token)[ \t]{1,4})(?=[^\s"'<>]*\d)[\w+/=.~:-]{8,8192}/gi;
const NPM = /(\b_(?:authToken|auth|password)[ \t]{0,4}=[ \t]{0,4})[^\s"'<>]{1,8192}/g;

/**
 * A text without the credentials in it: those of URLs (`https://user:password@…`, `?token=…`), of `Authorization`
 * headers, and of npm's settings.
 */
export function withoutCredentials(text: string): string {
  if (!/[@=]|bearer|basic|token/i.test(text)) return text;
  return text
    .replace(USERINFO, (whole, scheme: string, user: string) => {
      if (user.includes(':')) return `${scheme}${MASK}:${MASK}@`;
      return /^https?:/i.test(scheme) ? `${scheme}${MASK}@` : whole;
    })
    .replace(PARAMETER, `$1${MASK}`)
    .replace(HEADER, `$1${MASK}`)
    .replace(NPM, `$1${MASK}`);
}

/** A URL or `host/path` without its user and password. */
export function withoutUser(place: string): string {
  return place.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/i, `$1${MASK}@`);
}

/**
 * Characters above ASCII's printable ones, for a character class, that change a terminal's state or the order in which
 * text is read: DEL, C1 controls, separators of lines, changes of direction.
 */
export const UPPER_CONTROLS = '\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069';
const UPPER = new RegExp(`[${UPPER_CONTROLS}]`, 'g');
const CONTROL = new RegExp(`[\\x00-\\x08\\x0b-\\x1f${UPPER_CONTROLS}]`, 'g');

/** Makes control characters visible: ESC as `\x1b`, a change of direction as `\u202e`. Keeps newlines and tabs. */
export function visible(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
  });
}

/** The same on one line. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll('\n', '\\n').replaceAll('\t', ' ');
}

/** The same as text of an HTML page or of an attribute's value in quotes; no mark of a template (`{{…}}`) is left in it. */
export function visibleHtml(text: string): string {
  return visibleLine(text).replace(/[&<>"'{}]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * Escapes characters in JSON text that affect a terminal and that JSON allows unescaped (C1 controls, changes of
 * direction) as `\u…`. The value stays the same.
 */
export function visibleJson(json: string): string {
  return json.replace(UPPER, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
