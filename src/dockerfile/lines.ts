import { JettisonError, type Location } from '../errors/error.ts';
import type { Heredoc } from './ast.ts';
import { type Directive, parseDirective } from './directives.ts';
import { findHeredocs, type HeredocSign, stripLeadingTabs } from './heredoc.ts';
import { LogicalLine } from './logical-line.ts';
import { isSpace } from './scan.ts';
import { readHead, type Statement } from './statement.ts';

/** A piece of the file as written. All pieces joined are the file. */
export type RawPart =
  | ({ kind: 'directive'; text: string; location: Location } & Directive)
  | { kind: 'comment' | 'blank'; text: string; location: Location }
  | { kind: 'instruction'; text: string; statement: Statement; emptyLines: Location[] };

export type Escape = '\\' | '`';

/** Docker's limit for one line, including its newline. */
const MAXIMUM_LINE_BYTES = 65536;
const BYTE_ORDER_MARK = '\ufeff';

/**
 * Splits a Dockerfile into directives, comments, blank lines and instructions, each instruction with its
 * continuation lines and here-documents.
 */
export function readParts(text: string, file: string): { parts: RawPart[]; escape: Escape } {
  const reader = new LineReader(text, file);
  return { parts: reader.read(), escape: reader.escape };
}

/** The origin of a text that is not in a file: the instruction that brings it in. */
export interface Origin {
  location: Location;
  source: string;
  escape?: Escape;
}

/** The statements of a text that is not in a file. Each has the location and the source of its origin. */
export function readStatements(text: string, origin: Origin): Statement[] {
  const parts = new LineReader(text, origin.location.file, origin).read();
  return parts.flatMap((part) => (part.kind === 'instruction' ? [part.statement] : []));
}

class LineReader {
  escape: Escape;
  /** Offset of each line's start, and of the end of the last line. */
  readonly #starts: number[];
  readonly #parts: RawPart[] = [];
  readonly #directives = new Set<string>();
  #directivesOver: boolean;
  #comments: string[] = [];
  /** Index of the next line to read. */
  #next = 0;

  constructor(
    private readonly text: string,
    private readonly file: string,
    private readonly origin?: Origin,
  ) {
    this.escape = origin?.escape ?? '\\';
    // Only a Dockerfile has directives.
    this.#directivesOver = origin !== undefined;
    this.#starts = lineStarts(text);
  }

  read(): RawPart[] {
    while (this.#hasMore()) {
      const start = this.#next;
      const raw = this.#take();
      const line = trimNewline(start === 0 ? withoutMark(raw) : raw);
      const indent = indentOf(line);
      const location = { file: this.file, line: start + 1, column: indent + 1 };
      if (indent === line.length) {
        this.#directivesOver = true;
        this.#parts.push({ kind: 'blank', text: raw, location });
      } else if (line[indent] === '#') this.#comment(raw, line.slice(indent), location);
      else {
        this.#directivesOver = true;
        this.#instruction(start, line, indent);
        this.#comments = [];
      }
    }
    return this.#parts;
  }

  #comment(text: string, line: string, location: Location): void {
    const directive = this.#directivesOver ? undefined : parseDirective(line);
    if (!directive) {
      this.#directivesOver = true;
      const comment = line.slice(1).trim();
      if (comment === '') this.#comments = [];
      else this.#comments.push(comment);
      this.#parts.push({ kind: 'comment', text, location });
      return;
    }
    const { name, value } = directive;
    const place = { location, source: line };
    if (this.#directives.has(name)) {
      throw new JettisonError('DIRECTIVE_INVALID', `duplicate directive ${name}`, {
        hint: 'Keep one of them.',
        ...place,
      });
    }
    this.#directives.add(name);
    if (name === 'escape') {
      if (value !== '\\' && value !== '`') {
        throw new JettisonError('DIRECTIVE_INVALID', `invalid escape character "${value}"`, {
          hint: 'It is a backslash or a backtick.',
          ...place,
        });
      }
      this.escape = value;
    }
    this.#parts.push({ kind: 'directive', text, location, ...directive });
  }

  #instruction(start: number, firstLine: string, indent: number): void {
    const line = new LogicalLine(this.file, this.origin?.location);
    const emptyLines: Location[] = [];
    let { text, continues } = this.#continuation(firstLine.slice(indent));
    line.append(text, start + 1, indent + 1);
    while (continues && this.#hasMore()) {
      const number = this.#next + 1;
      const body = trimNewline(this.#take());
      const bodyIndent = indentOf(body);
      if (bodyIndent === body.length) emptyLines.push({ file: this.file, line: number, column: 1 });
      else if (body[bodyIndent] !== '#') {
        ({ text, continues } = this.#continuation(body));
        line.append(text, number, 1);
      }
    }
    const head = readHead(line, { start: 0, end: line.text.length });
    const heredocs = findHeredocs(line, head).map((sign) => this.#heredoc(sign, start, indent));
    const raw = this.#slice(start, this.#next);
    const statement: Statement = {
      ...head,
      line,
      location: this.#location(start, indent),
      source: this.#source(start),
      escape: this.escape,
      heredocs,
      comments: this.#comments,
    };
    this.#parts.push({ kind: 'instruction', text: raw, statement, emptyLines });
  }

  /** The body of a here-document: all lines before one that is its name alone. */
  #heredoc(sign: HeredocSign & { location: Location }, start: number, indent: number): Heredoc {
    const from = this.#next;
    while (this.#hasMore()) {
      const end = trimNewline(this.#take());
      if ((sign.stripTabs ? end.replace(/^\t+/, '') : end) !== sign.name) continue;
      const raw = this.#slice(from, this.#next - 1);
      const body = sign.stripTabs ? stripLeadingTabs(raw) : raw;
      return { ...sign, body, ...(body !== raw && { raw }) };
    }
    throw new JettisonError('HEREDOC_UNTERMINATED', `the here-document ${sign.name} is not terminated`, {
      hint: `Its last line must be ${sign.name} alone.`,
      location: { ...this.#location(start, indent), ...sign.location },
      source: this.#source(start),
    });
  }

  /** The line without the escape character that continues it. An escaped escape character does not. */
  #continuation(line: string): { text: string; continues: boolean } {
    let end = line.length - 1;
    while (line[end] === ' ' || line[end] === '\t') end--;
    const continues = line[end] === this.escape && line[end - 1] !== this.escape;
    return { text: continues ? line.slice(0, end) : line, continues };
  }

  #location(start: number, indent: number): Location {
    if (this.origin) return this.origin.location;
    const endLine = this.#next;
    return { file: this.file, line: start + 1, column: indent + 1, ...(endLine > start + 1 && { endLine }) };
  }

  #source(start: number): string {
    if (this.origin) return this.origin.source;
    const text = trimNewline(this.#slice(start, this.#next));
    return start === 0 ? withoutMark(text) : text;
  }

  #hasMore(): boolean {
    return this.#next < this.#starts.length - 1;
  }

  /** The text of the lines from `from` up to `to` (exclusive). */
  #slice(from: number, to: number): string {
    return this.text.slice(this.#starts[from], this.#starts[to]);
  }

  #take(): string {
    const line = this.#slice(this.#next, this.#next + 1);
    if (line.length * 3 > MAXIMUM_LINE_BYTES && Buffer.byteLength(line) > MAXIMUM_LINE_BYTES) {
      throw new JettisonError('LINE_TOO_LONG', `this line is longer than ${MAXIMUM_LINE_BYTES - 1} bytes`, {
        hint: 'Break it with the escape character, or put its text into a file, and COPY it.',
        location: { file: this.file, line: this.#next + 1, column: 1 },
      });
    }
    this.#next++;
    return line;
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  if (starts.at(-1) !== text.length) starts.push(text.length);
  return starts;
}

function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

function trimNewline(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\n' || text[end - 1] === '\r') end--;
  return text.slice(0, end);
}

function indentOf(line: string): number {
  let indent = 0;
  while (indent < line.length && isSpace(line[indent]!)) indent++;
  return indent;
}
