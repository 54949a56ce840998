import type { Location } from '../errors/error.ts';
import type { Word } from './ast.ts';
import type { LogicalLine } from './logical-line.ts';
import { type Span, trim } from './scan.ts';

/**
 * The strings of a JSON array; undefined for other texts, which are in shell form. `'not-strings'` is an array with
 * other elements, which Docker rejects.
 */
export function readJsonForm(line: LogicalLine, span: Span): Word[] | 'not-strings' | undefined {
  const { start, end } = trim(line.text, span);
  if (line.text[start] !== '[') return undefined;
  const text = line.text.slice(start, end);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (!value.every((item) => typeof item === 'string')) return 'not-strings';
  const places = stringSpans(text);
  return value.map((item: string, index) => ({
    // A lone surrogate has no UTF-8 form; Go's JSON decoder also replaces it by U+FFFD.
    text: item.replace(/\p{Surrogate}/gu, '\ufffd'),
    location: line.locate(start + places[index]!.start, start + places[index]!.end),
  }));
}

/** A command in exec form, as people write it: `["node", "server.js"]`. */
export function execForm(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;
}

/** Positions of the strings in a JSON array of strings, including quotes. */
function stringSpans(json: string): Span[] {
  return [...json.matchAll(/"(?:[^"\\]|\\.)*"/gs)].map(({ index, 0: found }) => ({
    start: index,
    end: index + found.length,
  }));
}

/** The syntax error in a text that begins like a JSON array. */
export interface JsonFault {
  /** "a comma is missing". */
  message: string;
  /** Where. */
  location: Location;
}

/** A JSON string, spaces, or any other character. */
const TOKEN = /"(?:[^"\\]|\\.)*"|\s+|./gsu;

/** The syntax error of a text that begins as a JSON array; undefined for other texts. */
export function jsonFault(line: LogicalLine, span: Span): JsonFault | undefined {
  const { start, end } = trim(line.text, span);
  if (line.text[start] !== '[') return undefined;
  const fault = (offset: number, message: string): JsonFault => ({
    message,
    location: line.locate(start + offset, Math.min(start + offset + 1, end)),
  });
  let expected: 'value' | 'separator' | 'nothing' = 'value';
  let last = '[';
  for (const { 0: token, index } of line.text.slice(start + 1, end).matchAll(TOKEN)) {
    if (token.trim() === '') continue;
    const offset = index + 1;
    if (expected === 'nothing') return fault(offset, 'there is text after its closing bracket');
    if (token === ']') {
      if (last === ',') return fault(offset, 'there is a comma before its closing bracket');
      expected = 'nothing';
    } else if (token === ',') {
      if (expected === 'value') return fault(offset, 'there is no element before a comma');
      expected = 'value';
    } else if (expected === 'separator') {
      return fault(offset, 'a comma is missing');
    } else if (token.length > 1 && token.startsWith('"')) {
      expected = 'separator';
    } else {
      return fault(
        offset,
        token === "'" ? 'strings need double quotes' : 'an element is not a string in double quotes',
      );
    }
    last = token;
  }
  return expected === 'nothing'
    ? fault(0, 'a string in it is not JSON')
    : fault(end - start - 1, 'its closing bracket is missing');
}
