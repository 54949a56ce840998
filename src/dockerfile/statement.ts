import { JettisonError, type JettisonErrorOptions, type Location } from '../errors/error.ts';
import type { Command, Flag, Heredoc, Word } from './ast.ts';
import { jsonFault, readJsonForm } from './json-form.ts';
import type { LogicalLine } from './logical-line.ts';
import { isBlank, isSpace, type Span, trim } from './scan.ts';

/** An instruction split into the parts that all instructions have: keyword, flags, rest. */
export interface Statement {
  line: LogicalLine;
  /** As written. */
  keyword: Word;
  flags: Flag[];
  /** The text after the flags, without surrounding space. */
  rest: Span;
  /** The whole instruction. */
  location: Location;
  /** Its raw text, for errors and for printing. */
  source: string;
  escape: '\\' | '`';
  heredocs: Heredoc[];
  comments: string[];
}

export type StatementHead = Pick<Statement, 'keyword' | 'flags' | 'rest'>;

/** Reads the keyword and the flags of a logical line, or of a part of it (ONBUILD's trigger). */
export function readHead(line: LogicalLine, within: Span): StatementHead {
  const { text } = line;
  const { start, end } = trim(text, within);
  let at = start;
  while (at < end && !isBlank(text[at]!)) at++;
  const keyword = line.word(start, at);
  const { flags, next } = readFlags(line, { start: at, end });
  return { keyword, flags, rest: trim(text, { start: next, end }) };
}

/**
 * Flags are the words that begin with `--`; `--` alone ends them. Quotes and backslashes are removed here, whatever the
 * file's escape character is.
 */
function readFlags(line: LogicalLine, { start, end }: Span): { flags: Flag[]; next: number } {
  const { text } = line;
  const flags: Flag[] = [];
  let at = start;
  for (;;) {
    while (at < end && isSpace(text[at]!)) at++;
    if (text[at] !== '-' || text[at + 1] !== '-' || at + 1 >= end) return { flags, next: at };
    const from = at;
    let word = '';
    let quote = '';
    let valueAt: number | undefined;
    while (at < end && (quote !== '' || !isSpace(text[at]!))) {
      const char = text[at]!;
      if (char === '\\') word += at + 1 < end ? text[++at]! : '';
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = '';
      else {
        word += char;
        if (char === '=') valueAt ??= at + 1;
      }
      at++;
    }
    if (word === '--') return { flags, next: at };
    const equals = word.indexOf('=');
    const location = line.locate(from, at);
    if (equals < 0) flags.push({ name: word.slice(2), location });
    else {
      const value = { text: word.slice(equals + 1), location: line.locate(valueAt ?? from, at) };
      flags.push({ name: word.slice(2, equals), value, location });
    }
  }
}

/** An error about an instruction, with its location and text. */
export function failure(
  statement: Statement,
  code: string,
  message: string,
  options: JettisonErrorOptions = {},
): JettisonError {
  return new JettisonError(code, message, {
    location: statement.location,
    source: statement.source,
    ...options,
  });
}

/** The instruction's name in upper case. */
export function kindOf(statement: Pick<Statement, 'keyword'>): string {
  return statement.keyword.text.toUpperCase();
}

/** The members that all instructions of the syntax tree have. */
export function common(statement: Statement) {
  return {
    location: statement.location,
    source: statement.source,
    keyword: statement.keyword.text,
    flags: statement.flags,
    ...(statement.comments.length > 0 && { comments: statement.comments }),
  };
}

/** The rest of the line as one word. */
export function restWord(statement: Statement): Word {
  return statement.line.word(statement.rest.start, statement.rest.end);
}

/**
 * The strings of the JSON form, undefined for the other forms.
 * @throws JettisonError `JSON_NOT_STRINGS` for an array with other elements
 */
export function jsonWords(statement: Statement, span: Span): Word[] | undefined {
  const words = readJsonForm(statement.line, span);
  if (words !== 'not-strings') return words;
  throw failure(statement, 'JSON_NOT_STRINGS', 'the JSON form is an array of strings', {
    location: statement.line.locate(span.start, span.end),
    hint: 'Put double quotes around every element.',
  });
}

/** A command in exec form (JSON); everything else is the shell form. */
export function readCommand(statement: Statement, span: Span): Command {
  const location = statement.line.locate(span.start, span.end);
  const words = jsonWords(statement, span);
  if (words) return { form: 'exec', args: words.map((word) => word.text), location };
  const fault = jsonFault(statement.line, span);
  return {
    form: 'shell',
    text: statement.line.text.slice(span.start, span.end),
    location,
    ...(fault === undefined ? {} : { fault }),
  };
}
