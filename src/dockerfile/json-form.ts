import type { Word } from './ast.ts';
import type { LogicalLine } from './logical-line.ts';
import { type Span, trim } from './scan.ts';

/**
 * The strings of a JSON array, or undefined when the text is no JSON array: then it is the shell form.
 * `'not-strings'` is an array that holds something else than strings, which Docker refuses.
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
    // Half of a surrogate pair has no UTF-8 form; Go's JSON reader puts U+FFFD in its place too.
    text: item.replace(/\p{Surrogate}/gu, '\ufffd'),
    location: line.locate(start + places[index]!.start, start + places[index]!.end),
  }));
}

/** Where the strings stand in a JSON array of strings, quotes included. */
function stringSpans(json: string): Span[] {
  return [...json.matchAll(/"(?:[^"\\]|\\.)*"/gs)].map(({ index, 0: found }) => ({
    start: index,
    end: index + found.length,
  }));
}
