import type { Location } from '../errors/error.ts';
import { shellWords, unquote } from './expand.ts';
import { readJsonForm } from './json-form.ts';
import type { LogicalLine } from './logical-line.ts';
import { readHead, type StatementHead } from './statement.ts';

/** A `<<NAME` in an instruction: its delimiter, and how to read its body. */
export interface HeredocSign {
  name: string;
  expand: boolean;
  stripTabs: boolean;
}

const TAKE_HEREDOCS = new Set(['RUN', 'COPY', 'ADD']);

/** The here-documents whose bodies follow this instruction, in order. */
export function findHeredocs(
  line: LogicalLine,
  head: StatementHead,
): (HeredocSign & { location: Location })[] {
  if (!line.text.includes('<<') || !takesHeredocs(line, head)) return [];
  let from = 0;
  return shellWords(line.text).flatMap((word) => {
    const sign = parseHeredocSign(word);
    if (!sign) return [];
    // The words are as written, so each is found after the one before.
    const start = Math.max(line.text.indexOf(word, from), 0);
    from = start + word.length;
    return [{ ...sign, location: line.locate(start, from) }];
  });
}

/** RUN, COPY and ADD, also after ONBUILD, can have here-documents, except in JSON form. */
function takesHeredocs(line: LogicalLine, head: StatementHead): boolean {
  const onbuild = head.keyword.text.toUpperCase() === 'ONBUILD' && head.rest.end > head.rest.start;
  const inner = onbuild ? readHead(line, head.rest) : head;
  return TAKE_HEREDOCS.has(inner.keyword.text.toUpperCase()) && readJsonForm(line, inner.rest) === undefined;
}

/** Parses one word as the start of a here-document: `<<EOF`, `<<-EOF`, `<<"EOF"`, `3<<EOF`. */
export function parseHeredocSign(word: string): HeredocSign | undefined {
  const match = /^\d*<<(-?)[\t\n\f\r ]*([^<]*)$/.exec(word);
  if (!match || match[2] === '') return undefined;
  const name = unquote(match[2]!);
  return name && { name: name.text, expand: !name.quoted, stripTabs: match[1] === '-' };
}

/** Removes the leading tabs of every line. */
export function stripLeadingTabs(text: string): string {
  return text.replace(/^\t+/gm, '');
}
