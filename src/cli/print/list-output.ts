import { usageError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { displayWidth } from '../../events/width.ts';
import type { Io } from '../command.ts';
import { type TableOptions, table } from './docker-units.ts';
import { compileTemplate } from './template/compile.ts';
import { toJson } from './template/values.ts';

/** The values of the flags `listFlags`. */
export interface OutputChoice {
  /** `table`, `json`, a template, or `table ` and a template of columns. */
  format?: string | undefined;
  /** Everything that is known as one JSON document. */
  json?: boolean | undefined;
}

/** A list that a command prints: rows of named texts, as Docker's `--format` names them. */
export interface List {
  /** Which columns the table has: a row's member and the column's head. */
  columns: [name: string, head: string][];
  /** Members of the rows that only templates and JSON show. */
  more?: string[];
  rows: Record<string, string>[];
  /** Heads of the columns that may be shortened to fit a terminal. */
  shrink: string[];
  /** The last column's member, where a terminal that is too narrow for whole sentences goes without it. */
  optional?: string;
  /** What `--json` prints, an entry a thing. */
  facts: unknown[];
}

/**
 * Prints a list as Docker does.
 *
 * @param choice `table` (the default), `json` (an object a line), a template that is applied to each row, or
 * `table ` and a template of columns; or all facts
 * @throws JettisonError `USAGE`, `FORMAT_FAILED`
 */
export function printList(io: Io, list: List, choice: OutputChoice): void {
  refuseBoth(choice);
  const { format = 'table' } = choice;
  if (choice.json) {
    printJson(io, list.facts);
  } else if (format === 'json') {
    io.stdout.write(list.rows.map((row) => `${toJson(row)}\n`).join(''));
  } else if (format === 'table') {
    const layOut = (columns: List['columns'], options: (heads: string[]) => TableOptions) => {
      const heads = columns.map(([, head]) => head);
      const rows = list.rows.map((row) => columns.map(([name]) => row[name] ?? ''));
      return table([heads, ...rows], options(heads));
    };
    const whole = layOut(list.columns, () => ({}));
    const width = io.stdout.isTTY === true ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
    const isTooWide = whole.split('\n').some((line) => displayWidth(line) > width);
    const columns = isTooWide ? list.columns.filter(([name]) => name !== list.optional) : list.columns;
    io.stdout.write(isTooWide ? layOut(columns, (heads) => fitting(io, heads, list.shrink)) : whole);
  } else {
    const asTable = /^table\s/.test(format);
    const template = compileTemplate(unescaped(asTable ? format.slice('table'.length).trim() : format));
    // Also where there are no rows: an unknown field is an error.
    const head = template(headsOf(list));
    const lines = list.rows.map((row) => template(row));
    if (asTable) {
      const rows = [head, ...lines].map((line) => line.split('\t'));
      io.stdout.write(table(rows, fitting(io, rows[0]!, list.shrink)));
    } else {
      io.stdout.write(lines.map((line) => `${forOutput(io, line)}\n`).join(''));
    }
  }
}

/** The text of a template: programs get it as it is, a terminal without control characters. */
export function forOutput(io: Io, text: string): string {
  return io.stdout.isTTY === true ? visible(text) : text;
}

/** Prints everything that is known, for programs. */
export function printJson(io: Io, facts: unknown): void {
  io.stdout.write(`${toJson(facts, 2)}\n`);
}

/** @throws JettisonError `USAGE` when both forms are asked for */
export function refuseBoth({ format, json }: OutputChoice): void {
  if (json && format !== undefined) {
    throw usageError(
      '--json and --format contradict each other',
      'Leave one of them out: --json shows everything, --format what it names.',
    );
  }
}

function headsOf({ columns, more = [] }: List): Record<string, string> {
  const heads: Record<string, string> = {};
  for (const name of more) heads[name] = name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase();
  return { ...Object.fromEntries(columns), ...heads };
}

function fitting(io: Io, heads: string[], shrink: string[]): TableOptions {
  return io.stdout.isTTY === true
    ? {
        columns: io.stdout.columns,
        shrink: shrink.map((head) => heads.indexOf(head)).filter((at) => at >= 0),
      }
    : {};
}

/** In shells `\t` and `\n` are easier written than typed. */
function unescaped(template: string): string {
  return template.replace(/\\t/g, '\t').replace(/\\n/g, '\n');
}
