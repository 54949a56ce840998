import { JettisonError, type Location } from '../errors/error.ts';
import { isSpace } from './scan.ts';
import {
  parseWildcard,
  replaceMatching,
  trimEndMatching,
  trimStartMatching,
  type Wildcard,
} from './wildcard.ts';

/** Gives a variable's value; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

export interface ExpandOptions {
  /** The file's escape character; a backslash when left out. */
  escape?: '\\' | '`';
  /**
   * `word` (the default): quotes and escapes are processed and removed.
   * `heredoc`: quotes are ordinary characters; escapes are processed.
   */
  mode?: 'word' | 'heredoc';
  /** Location and source line of the text, for errors. */
  location?: Location;
  source?: string;
}

export interface Expansion {
  text: string;
  /** Variables of the text that are not set, in order, each once. */
  unset: string[];
  /** Variables of the text that are set, in order, each once. */
  used: string[];
}

/**
 * Expands variables as Docker does in most instructions, and removes quotes and escapes.
 * @throws JettisonError `VARIABLE_SYNTAX` for an unclosed quote or a malformed `${…}`, `VARIABLE_REQUIRED`
 * for a missing value in `${name:?}` or `${name?}`, `VARIABLE_TOO_LARGE`
 */
export function expand(text: string, lookup: Lookup, options: ExpandOptions = {}): Expansion {
  if (!/["'$\\`]/.test(text)) return { text, unset: [], used: [] };
  const expander = new Expander(text, lookup, options);
  return { text: expander.run().text, unset: [...expander.unset], used: [...expander.used] };
}

/**
 * Like `expand`, but splits the result, including values of variables, at unquoted spaces (EXPOSE).
 */
export function expandWords(
  text: string,
  lookup: Lookup,
  options: ExpandOptions = {},
): { words: string[]; unset: string[]; used: string[] } {
  const expander = new Expander(text, lookup, options);
  return { words: expander.run().words, unset: [...expander.unset], used: [...expander.used] };
}

/**
 * Splits a line into shell words without expanding or unquoting them, as Docker does to find here-documents.
 * Spaces after `<<` belong to the word. A malformed line has no words.
 */
export function shellWords(text: string): string[] {
  try {
    return new Expander(text, () => undefined, {}, { quotes: true, escapes: true, variables: true }).run()
      .words;
  } catch (error) {
    if (error instanceof JettisonError) return [];
    throw error;
  }
}

/**
 * One shell word without quotes and escapes, with variables as written. Undefined unless the text is exactly one word;
 * `quoted` if quotes were removed.
 */
export function unquote(text: string): { text: string; quoted: boolean } | undefined {
  try {
    const keep = { quotes: false, escapes: false, variables: true };
    const { words } = new Expander(text, () => undefined, {}, keep).run();
    const raw = new Expander(text, () => undefined, {}, { ...keep, quotes: true }).run().words;
    if (words.length !== 1 || raw.length !== 1) return undefined;
    return { text: words[0]!, quoted: countQuotes(words[0]!) !== countQuotes(raw[0]!) };
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}

function countQuotes(text: string): number {
  return text.match(/["']/g)?.length ?? 0;
}

/** Text that is kept as written. */
interface Keep {
  quotes: boolean;
  escapes: boolean;
  /** References to variables that are not set. */
  variables: boolean;
}

interface Result {
  text: string;
  words: string[];
}

/** Collects a text and the words that it splits into. */
class Words {
  readonly words: string[] = [];
  #word = '';

  /** Adds characters, in which spaces separate words. */
  add(text: string): void {
    for (const character of text) {
      if (!isSpace(character)) this.#word += character;
      else this.flush();
    }
  }

  /** Adds characters, in which spaces do not separate words. */
  addWhole(text: string): void {
    this.#word += text;
  }

  flush(): string[] {
    if (this.#word !== '') this.words.push(this.#word);
    this.#word = '';
    return this.words;
  }
}

/** Maximum nesting of `${a:-${b:-…}}`. */
const MAX_DEPTH = 200;
/** Maximum number of characters that values of variables add to one text. */
const MAX_EXPANSION = 8 * 1024 * 1024;
/** Maximum length of a pattern times that of its value: the number of steps to match it. */
const MAX_PATTERN_STEPS = 2 ** 27;

const NAME_START = /[\p{L}\p{Nd}_]/u;
const SPECIAL = '@*#?-$!';

class Expander {
  readonly unset = new Set<string>();
  readonly used = new Set<string>();
  readonly #characters: string[];
  readonly #escape: string;
  readonly #quotesMatter: boolean;
  #at = 0;
  #depth = 0;
  /** Characters that values have added. */
  #added = 0;

  constructor(
    private readonly text: string,
    private readonly lookup: Lookup,
    private readonly options: ExpandOptions,
    private readonly keep: Keep = { quotes: false, escapes: false, variables: false },
  ) {
    this.#characters = [...text];
    this.#escape = options.escape ?? '\\';
    this.#quotesMatter = options.mode !== 'heredoc';
  }

  run(): Result {
    return this.#until(undefined, this.keep.escapes);
  }

  /** Reads up to and including the closing character, or up to the end of the text. */
  #until(closing: string | undefined, keepEscapes: boolean): Result {
    let text = '';
    const words = new Words();
    while (this.#at < this.#characters.length) {
      const character = this.#peek()!;
      if (character === closing) {
        this.#at++;
        return { text, words: words.flush() };
      }
      if (character === '$') {
        const value = this.#variable();
        text += value;
        words.add(value);
      } else if (character === '<') {
        const start = this.#hereStart();
        text += start;
        words.addWhole(start);
      } else if (this.#quotesMatter && (character === "'" || character === '"')) {
        const quoted = character === "'" ? this.#singleQuoted() : this.#doubleQuoted(keepEscapes);
        text += quoted;
        words.addWhole(quoted);
      } else if (character === this.#escape) {
        this.#at++;
        const escaped = this.#next();
        const kept = (keepEscapes ? character : '') + (escaped ?? '');
        text += kept;
        words.addWhole(kept);
      } else {
        this.#at++;
        text += character;
        words.add(character);
      }
    }
    if (closing !== undefined) throw this.#syntaxError(`its \${ is not closed: "${closing}" is missing`);
    return { text, words: words.flush() };
  }

  /** `<`, or `<<` with the spaces after it, which may separate it from a here-document's name. */
  #hereStart(): string {
    let start = this.#next()!;
    if (this.#peek() !== '<') return start;
    start += this.#next();
    while (this.#peek() !== undefined && ' \t\r'.includes(this.#peek()!)) start += this.#next();
    return start;
  }

  #singleQuoted(): string {
    const quote = this.#next()!;
    const start = this.#at;
    while (this.#peek() !== quote) {
      if (this.#next() === undefined) throw this.#syntaxError('a single quote is not closed');
    }
    const inside = this.#characters.slice(start, this.#at++).join('');
    return this.keep.quotes ? quote + inside + quote : inside;
  }

  #doubleQuoted(keepEscapes: boolean): string {
    const quote = this.#next()!;
    let inside = '';
    for (;;) {
      const character = this.#peek();
      if (character === undefined) throw this.#syntaxError('a double quote is not closed');
      if (character === '$') {
        inside += this.#variable();
        continue;
      }
      this.#at++;
      if (character === quote) return this.keep.quotes ? quote + inside + quote : inside;
      if (character !== this.#escape) {
        inside += character;
        continue;
      }
      // Inside double quotes only these can be escaped; before others the escape is an ordinary character.
      const next = this.#peek();
      if (keepEscapes) inside += character;
      if (next === quote || next === '$' || next === this.#escape) inside += this.#next();
      else if (next !== undefined) inside += character;
    }
  }

  /** A reference that begins with `$`. A `$` without a name is an ordinary character. */
  #variable(): string {
    this.#at++;
    if (this.#peek() === '{') return this.#braced();
    const name = this.#name();
    if (name === '') return '$';
    return this.#value(name) ?? (this.keep.variables ? `$${name}` : '');
  }

  #braced(): string {
    if (++this.#depth > MAX_DEPTH) {
      throw this.#syntaxError(`its \${…} are nested more than ${MAX_DEPTH} deep`);
    }
    const value = this.#bracedValue();
    this.#depth--;
    return value;
  }

  #bracedValue(): string {
    this.#at++;
    const first = this.#peek();
    if (first === undefined) throw this.#syntaxError('"}" is missing');
    if (first === '{' || first === '}' || first === ':')
      throw this.#syntaxError(`"\${${first}" has no variable name`);
    const name = this.#name();
    let operator = this.#next();
    if (operator === undefined) throw this.#syntaxError('"}" is missing');
    if (operator === '}') return this.#value(name) ?? (this.keep.variables ? `\${${name}}` : '');
    if (operator === '/') return this.#replaced(name);
    const colon = operator === ':';
    if (colon) operator = this.#next() ?? '';
    const sign = `${colon ? ':' : ''}${operator}`;
    if (operator === '' || !(colon ? '-+?' : '-+?#%').includes(operator)) {
      throw this.#syntaxError(`"${sign}" is not an operator for variables`);
    }
    const trims = operator === '#' || operator === '%';
    const word = this.#until('}', trims).text;
    const value = this.#value(name);
    if (value === undefined && this.keep.variables) return `\${${name}${sign}${word}}`;
    if (operator === '#' || operator === '%') return this.#trimmed(value ?? '', operator, word);
    const missing = value === undefined || (colon && value === '');
    if (operator === '-') return missing ? word : value;
    if (operator === '+') return missing ? '' : word;
    if (!missing) return value;
    throw new JettisonError(
      'VARIABLE_REQUIRED',
      `${name}: ${word === '' ? (value === undefined ? 'is not set' : 'is empty') : word}`,
      { hint: `Give it a value, for example with --build-arg ${name}=…`, ...this.#place() },
    );
  }

  #trimmed(value: string, operator: '#' | '%', word: string): string {
    const longest = word.startsWith(operator);
    const wildcard = this.#wildcard(longest ? word.slice(1) : word);
    this.#limitMatching(value, wildcard);
    return operator === '#'
      ? trimStartMatching(value, wildcard, longest)
      : trimEndMatching(value, wildcard, longest);
  }

  #replaced(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#at++;
    const pattern = this.#until('/', true).text;
    const replacement = this.#until('}', true).text;
    const value = this.#value(name);
    if (value === undefined && this.keep.variables) return `\${${name}/${pattern}/${replacement}}`;
    const wildcard = this.#wildcard(pattern);
    this.#limitMatching(value ?? '', wildcard);
    // There is at most one replacement per character, and one at the end.
    if (all && replacement.length * ((value ?? '').length + 1) > MAX_PATTERN_STEPS) {
      throw this.#tooLarge('a replacement and its value are too long');
    }
    const replaced = replaceMatching(value ?? '', wildcard, replacement, all);
    this.#limitAdded(replaced.length);
    return replaced;
  }

  #limitMatching(value: string, wildcard: Wildcard): void {
    if (value.length * wildcard.length <= MAX_PATTERN_STEPS) return;
    throw this.#tooLarge('a pattern and its value are too long');
  }

  #limitAdded(length: number): void {
    this.#added += length;
    if (this.#added <= MAX_EXPANSION) return;
    throw this.#tooLarge(`its variables expand to more than ${MAX_EXPANSION / 1024 / 1024} MiB`);
  }

  #tooLarge(reason: string): JettisonError {
    return new JettisonError('VARIABLE_TOO_LARGE', `Cannot expand ${shortened(this.text)}: ${reason}`, {
      hint: 'Put a large value into a file, and COPY it.',
      ...this.#place(),
    });
  }

  #wildcard(pattern: string): Wildcard {
    const wildcard = parseWildcard(pattern);
    if (wildcard) return wildcard;
    throw this.#syntaxError(`the pattern "${pattern}" escapes a character that needs no escape`);
  }

  /** Letters, digits and underscores; only digits if the first is one; or one of the shell's special names. */
  #name(): string {
    const first = this.#peek();
    if (first === undefined) return '';
    if (SPECIAL.includes(first)) return this.#next()!;
    const allowed = /\p{Nd}/u.test(first) ? /\p{Nd}/u : NAME_START;
    let name = '';
    while (this.#peek() !== undefined && allowed.test(this.#peek()!)) name += this.#next();
    return name;
  }

  #value(name: string): string | undefined {
    const value = this.lookup(name);
    (value === undefined ? this.unset : this.used).add(name);
    if (value !== undefined) this.#limitAdded(value.length);
    return value;
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string | undefined {
    return this.#characters[this.#at++];
  }

  #syntaxError(reason: string): JettisonError {
    return new JettisonError('VARIABLE_SYNTAX', `Cannot expand ${shortened(this.text)}: ${reason}`, {
      hint: `Put ${this.#escape} before a literal quote or $.`,
      ...this.#place(),
    });
  }

  #place(): { location?: Location; source?: string } {
    const { location, source } = this.options;
    return { ...(location && { location }), ...(source !== undefined && { source }) };
  }
}

/** A text in quotes for a message, truncated to 200 characters. */
function shortened(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
