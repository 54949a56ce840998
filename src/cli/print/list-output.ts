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
  /** All facts as one JSON document. */
  json?: boolean | undefined;
}

/** A list that a command prints: rows of texts, by the names of Docker's `--format`. */
export interface List {
  /** The table's columns: a row's member and the column's head. */
  columns: [name: string, head: string][];
  /** Further members, for templates and JSON only. */
  more?: string[];
  rows: Record<string, string>[];
  /** Heads of columns that may be shortened to fit a terminal. */
  shrink: string[];
  /** Member of the last column, if a narrow terminal may omit that column. */
  optional?: string;
  /** Entries of `--json`. */
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
    // Also without rows: an unknown field is an error.
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

/** The text of a template: unchanged for programs; on a terminal, control characters are made visible. */
export function forOutput(io: Io, text: string): string {
  return io.stdout.isTTY === true ? visible(text) : text;
}

/** Prints all facts as JSON. */
export function printJson(io: Io, facts: unknown): void {
  io.stdout.write(`${toJson(facts, 2)}\n`);
}

/** @throws JettisonError `USAGE` when both flags are given */
export function refuseBoth({ format, json }: OutputChoice): void {
  if (json && format !== undefined) {
    throw usageError(
      '--json and --format exclude each other',
      'Omit one of them: --json shows everything, --format the fields that it names.',
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

/** Replaces `\t` and `\n`, which are hard to type in a shell. */
function unescaped(template: string): string {
  return template.replace(/\\t/g, '\t').replace(/\\n/g, '\n');
}
