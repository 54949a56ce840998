import type { Word } from './ast.ts';
import type { LogicalLine } from './logical-line.ts';

/** A piece of a logical line: offsets, the end exclusive. */
export interface Span {
  start: number;
  end: number;
}

// Go's unicode.IsSpace beyond ASCII, which differs from JavaScript's \s.
const WIDE_SPACE = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const FIRST_WIDE = 0x80;
const [TAB, NEWLINE, RETURN, SPACE] = [9, 10, 13, 32];

/** True for a character that Docker trims and skips as space. */
export function isSpace(char: string): boolean {
  const code = char.charCodeAt(0);
  if (code < FIRST_WIDE) return code === SPACE || (code >= TAB && code <= RETURN);
  return WIDE_SPACE.test(char);
}

/** True for a character that separates an instruction's words. As in Docker, Unicode's other spaces do not. */
export function isBlank(char: string): boolean {
  const code = char.charCodeAt(0);
  return code === SPACE || (code >= TAB && code <= RETURN && code !== NEWLINE);
}

/** The span without the space around it. */
export function trim(text: string, { start, end }: Span): Span {
  let from = start;
  let to = end;
  while (from < to && isSpace(text[from]!)) from++;
  while (to > from && isSpace(text[to - 1]!)) to--;
  return { start: from, end: to };
}

/** Words between spaces. Quotes are ordinary characters (FROM, EXPOSE, COPY, ADD, VOLUME). */
export function splitBlank(line: LogicalLine, span: Span): Word[] {
  const words: Word[] = [];
  let at = span.start;
  while (at < span.end) {
    while (at < span.end && isBlank(line.text[at]!)) at++;
    const start = at;
    while (at < span.end && !isBlank(line.text[at]!)) at++;
    if (at > start) words.push(line.word(start, at));
  }
  return words;
}

/**
 * Words between spaces that are not quoted or escaped (ENV, LABEL, ARG). The words keep their quotes and escapes, which
 * the expansion of variables removes.
 */
export function splitQuoted(line: LogicalLine, span: Span, escapeCharacter: string): Word[] {
  const words: Word[] = [];
  const { text } = line;
  let at = span.start;
  while (at < span.end) {
    while (at < span.end && isSpace(text[at]!)) at++;
    if (at === span.end) break;
    const start = at;
    let end = at;
    let quote = '';
    while (at < span.end && (quote !== '' || !isSpace(text[at]!))) {
      const char = text[at]!;
      if (char === escapeCharacter && quote !== "'") {
        // An escape character at the end of the text is dropped.
        if (at + 1 === span.end) {
          at++;
          break;
        }
        at += 2;
      } else {
        if (quote === '' && (char === '"' || char === "'")) quote = char;
        else if (char === quote) quote = '';
        at++;
      }
      end = at;
    }
    if (end > start) words.push(line.word(start, end));
  }
  return words;
}
