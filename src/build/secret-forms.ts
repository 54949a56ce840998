/** Replaces secrets in the output of commands. */
const MASK = 'xxxxx';

/** Shorter values occur by chance. */
const MIN_PART = 8;
const MIN_WHOLE = 6;
/** Longer values are only searched as they are, not in other encodings. */
const MAX_PART = 65536;
/** Limit for one secret: a file with more is not a file of credentials. */
const MAX_FORMS = 4000;

/** Names of settings whose value is a credential. */
const SECRET_NAME =
  /(?:pass(?:wd|word|phrase)?|pwd|secret|token|credential|auth(?!or)|api_?-?key|access_?-?key|private_?-?key)/i;
const KNOWN_WORD = /^(?:true|false|null|none|always|never|basic|bearer|undefined)$/i;

/**
 * The byte strings by which a secret can be found in other files: its whole content, the credentials in it (of `.npmrc`,
 * `.netrc`, `.env`, Docker's `config.json`, `Authorization` headers, URLs, or a line alone), and each of them in base64
 * and URL encoding.
 *
 * @param content of the secret's file
 * @returns byte strings, the longest first; empty for a secret that is too short to search for
 */
export function secretForms(content: Uint8Array): Buffer[] {
  // In Latin-1 every byte is one character.
  const text = Buffer.from(content).toString('latin1').trim();
  const forms = new Set<string>();
  if (text.length >= MIN_WHOLE) forms.add(text);
  for (const part of new Set([text, ...partsOf(text)])) {
    if (part.length < MIN_PART || part.length > MAX_PART || forms.size >= MAX_FORMS) continue;
    for (const form of encodings(part)) forms.add(form);
  }
  return [...forms].sort((a, b) => b.length - a.length).map((form) => Buffer.from(form, 'latin1'));
}

/** Masks the secrets of a build, in all their forms, in the output of commands. */
export function masked(secrets: ReadonlyMap<string, Uint8Array>): (text: string) => string {
  const forms = textForms(secrets);
  return (text) => replaced(text, forms);
}

/**
 * The same for a text that still grows.
 *
 * @returns a function that splits the text into what can be shown, masked, and an end that may be the beginning of a
 * secret: to be given again with what follows, or with `isWhole`, which leaves none
 */
export function maskedStart(
  secrets: ReadonlyMap<string, Uint8Array>,
): (text: string, isWhole: boolean) => { shown: string; rest: string } {
  const forms = textForms(secrets);
  const longest = Math.max(1, ...forms.map((form) => form.length));
  return (text, isWhole) => {
    let cut = isWhole ? text.length : Math.max(0, text.length - (longest - 1));
    for (let before = -1; before !== cut; ) {
      before = cut;
      for (const form of forms) {
        const at = text.indexOf(form, Math.max(0, cut - form.length + 1));
        if (at >= 0 && at < cut && at + form.length > cut) cut = at;
      }
    }
    return { shown: replaced(text.slice(0, cut), forms), rest: text.slice(cut) };
  };
}

function textForms(secrets: ReadonlyMap<string, Uint8Array>): string[] {
  return [...secrets.values()].flatMap((secret) => secretForms(secret).map((form) => form.toString('utf8')));
}

function replaced(text: string, forms: readonly string[]): string {
  let shown = text;
  for (const form of forms) if (shown.includes(form)) shown = shown.replaceAll(form, MASK);
  return shown;
}

/** The credentials in the text of a settings file. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  const json = parseJson(text);
  if (json !== undefined) collectJson(json, '', false, parts);
  const lines = text.split(/[\r\n]+/);
  for (const line of lines) {
    const trimmed = line.trim();
    if (trimmed.length < MIN_PART || trimmed.length > 65536) continue;
    // A line without a name, as in a list of tokens or a PEM block.
    if (lines.length > 1 && !/[\s=:]/.test(trimmed) && looksRandom(trimmed)) parts.push(trimmed);
    parts.push(...valuesOf(trimmed));
  }
  return parts;
}

/** The credentials in a line: `name=value`, `name: value`, `Bearer value`, `password value`, `://user:value@`. */
function valuesOf(line: string): string[] {
  const values: string[] = [];
  for (const [, user = '', password = ''] of line.matchAll(
    /:\/\/([^/:@\s]{0,4096})(?::([^/@\s]{1,4096}))?@/g,
  )) {
    values.push(password === '' ? user : password, decoded(password === '' ? user : password));
  }
  for (const [, value = ''] of line.matchAll(/\b(?:bearer|basic|password|token)[ \t]{1,16}(\S{1,8192})/gi)) {
    values.push(...credential(unquoted(value)));
  }
  // Any separator may be the right one: `//host:8080/:_authToken=value`, `Authorization: Basic value`.
  let separators = 0;
  for (let at = 0; at < line.length && separators < 16; at++) {
    if (line[at] !== '=' && line[at] !== ':') continue;
    separators++;
    const name = /[\w-]{0,64}["']?[ \t]*$/.exec(line.slice(Math.max(0, at - 80), at))?.[0] ?? '';
    const value = unquoted(line.slice(at + 1).trim());
    if (/\s/.test(value) && !SECRET_NAME.test(name)) continue;
    if (SECRET_NAME.test(name) || looksRandom(value)) values.push(...credential(value));
  }
  return values;
}

/** A value, and its parts if it is `user:password` in base64. */
function credential(value: string): string[] {
  if (value.length < MIN_PART || KNOWN_WORD.test(value)) return [];
  if (!/^[A-Za-z0-9+/]{8,8192}={0,2}$/.test(value)) return [value];
  const inside = Buffer.from(value, 'base64').toString('latin1');
  if (!/^[\x20-\x7e]+$/.test(inside)) return [value];
  const colon = inside.indexOf(':');
  return [value, inside, ...(colon < 0 ? [] : [inside.slice(colon + 1)])];
}

/** Whether a value looks like a credential, without regard to its name: not an address, path, version, word or date. */
function looksRandom(value: string): boolean {
  if (value.length < MIN_PART || /[\s,;]/.test(value)) return false;
  if (/^(?:[a-z][a-z0-9+.-]*:)?\/\//i.test(value) || /^[~./]/.test(value)) return false;
  // Host names, versions, files and dates.
  if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:\/.*)?$/i.test(value)) return false;
  if (/^[\d:.TZ+-]+$/.test(value) || /^[^@]+@[^@]+$/.test(value)) return false;
  return /\d/.test(value) && /[a-z]/i.test(value);
}

function collectJson(value: unknown, name: string, isSecret: boolean, into: string[]): void {
  const pending: [value: unknown, name: string, isSecret: boolean][] = [[value, name, isSecret]];
  for (let next = pending.pop(); next !== undefined && into.length < MAX_FORMS; next = pending.pop()) {
    const [one, its, secret] = next;
    if (typeof one === 'string') {
      const bytes = Buffer.from(one).toString('latin1');
      if (secret || looksRandom(bytes)) into.push(...credential(bytes));
    } else if (typeof one === 'object' && one !== null) {
      for (const [key, member] of Object.entries(one)) {
        pending.push([member, key, SECRET_NAME.test(Array.isArray(one) ? its : key)]);
      }
    }
  }
}

function parseJson(text: string): unknown {
  if (!/^[[{"]/.test(text)) return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString('utf8'));
  } catch {
    return undefined;
  }
}

function unquoted(value: string): string {
  const quote = value[0];
  const ended = value.replace(/[,;]$/, '');
  return (quote === '"' || quote === "'") && ended.length > 1 && ended.endsWith(quote)
    ? ended.slice(1, -1)
    : ended;
}

function decoded(text: string): string {
  try {
    return Buffer.from(decodeURIComponent(text)).toString('latin1');
  } catch {
    return text;
  }
}

/** A value in the encodings that programs write: plain, JSON, hex, URL, base64. */
function encodings(value: string): string[] {
  const bytes = Buffer.from(value, 'latin1');
  const forms = [value, JSON.stringify(value).slice(1, -1), bytes.toString('hex')];
  const asUrl = urlEncoded(bytes);
  forms.push(
    asUrl,
    asUrl.replaceAll('%20', '+'),
    asUrl.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  );
  // In base64 a value has three forms, depending on the number of bytes before it.
  for (let shift = 0; shift < 3; shift++) {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const known = whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
    forms.push(known, known.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

function urlEncoded(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9._~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
