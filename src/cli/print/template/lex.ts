/** A token of an action. */
export interface Token {
  kind: 'field' | 'variable' | 'word' | 'string' | 'number' | 'sign';
  /** `.A.B` for fields (`.` alone is the value itself), the content of strings, otherwise the source text. */
  text: string;
  /** Whether it directly follows the previous token. */
  joined: boolean;
}

/** A piece of a template: text, or the tokens of an action `{{…}}`. */
export type Piece = string | Token[];

/** A syntax error in a template. */
export class TemplateSyntaxError extends Error {}

const TOKENS: [Token['kind'], RegExp][] = [
  ['field', /(?:\.[\p{L}_][\p{L}\p{N}_]*)+|\.(?![\d.])/uy],
  ['variable', /\$[\p{L}\p{N}_]*/uy],
  ['number', /[+-]?\d+(?:\.\d+)?/y],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['sign', /:=|[|()=,]/y],
];

/**
 * Splits a template by the rules of Go's text/template: `{{-` and `-}}` trim blanks, `{{/* … *\/}}` is a comment.
 *
 * @throws TemplateSyntaxError
 */
export function lexTemplate(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trim = false;
  const addText = (end: number, trimEnd: boolean) => {
    let piece = text.slice(at, end);
    if (trim) piece = piece.trimStart();
    if (trimEnd) piece = piece.trimEnd();
    if (piece !== '') pieces.push(piece);
  };
  for (;;) {
    const open = text.indexOf('{{', at);
    if (open < 0) break;
    const trimBefore = /^\{\{-\s/.test(text.slice(open, open + 4));
    addText(open, trimBefore);
    const start = open + (trimBefore ? 3 : 2);
    const comment = /^\s*\/\*.*?\*\/(\s-)?\}\}/s.exec(text.slice(start));
    if (comment !== null) {
      at = start + comment[0].length;
      trim = comment[1] !== undefined;
      continue;
    }
    const action = lexAction(text, start);
    pieces.push(action.tokens);
    at = action.end;
    trim = action.trim;
  }
  addText(text.length, false);
  return pieces;
}

/** @returns the tokens up to `}}`, and the offset of the text after it */
function lexAction(text: string, start: number): { tokens: Token[]; end: number; trim: boolean } {
  const tokens: Token[] = [];
  let at = start;
  for (;;) {
    const close = matchAt(/\s*(?:(?<=\s)-)?\}\}/y, text, at);
    if (close !== undefined) return { tokens, end: at + close.length, trim: close.includes('-') };
    const blanks = matchAt(/\s*/y, text, at)!.length;
    at += blanks;
    if (at === text.length) throw new TemplateSyntaxError('a {{ has no }}');
    const { token, end } = readToken(text, at);
    tokens.push({ ...token, joined: blanks === 0 });
    at = end;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function readToken(text: string, at: number): { token: Pick<Token, 'kind' | 'text'>; end: number } {
  const string = matchAt(/"(?:[^"\\\n]|\\.)*"|`[^`]*`/y, text, at);
  if (string !== undefined) {
    return { token: { kind: 'string', text: unquoted(string) }, end: at + string.length };
  }
  for (const [kind, pattern] of TOKENS) {
    const found = matchAt(pattern, text, at);
    if (found !== undefined) return { token: { kind, text: found }, end: at + found.length };
  }
  const rest = text.slice(at);
  if (/^["`]/.test(rest)) throw new TemplateSyntaxError(`unterminated string ${rest}`);
  throw new TemplateSyntaxError(`unexpected character "${rest[0]}"`);
}

function unquoted(string: string): string {
  if (string.startsWith('`')) return string.slice(1, -1);
  try {
    return JSON.parse(string.replaceAll('\t', '\\t')) as string;
  } catch {
    throw new TemplateSyntaxError(`invalid string ${string}`);
  }
}
