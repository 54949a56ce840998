import type { Io } from './command.ts';
import { type TableOptions, table } from './format.ts';
import { compileTemplate } from './template.ts';

/** A list that a command prints: rows of named texts, as Docker's `--format` names them. */
export interface List {
  /** Which columns the table has: a row's member and the column's head. */
  columns: [name: string, head: string][];
  rows: Record<string, string>[];
  /** Heads of the columns that may be shortened to fit a terminal. */
  shrink: string[];
}

/**
 * Prints a list as Docker does.
 *
 * @param format what `--format` says: `table` (the default), `json` (an object a line), a template that is
 * applied to each row, or `table ` and a template of columns
 */
export function printList(io: Io, list: List, format = 'table'): void {
  if (format === 'json') {
    io.stdout.write(list.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  } else if (format === 'table') {
    const heads = list.columns.map(([, head]) => head);
    const rows = list.rows.map((row) => list.columns.map(([name]) => row[name] ?? ''));
    io.stdout.write(table([heads, ...rows], fitting(io, heads, list.shrink)));
  } else if (/^table\s/.test(format)) {
    const template = compileTemplate(unescaped(format.slice('table'.length).trim()));
    const heads: Record<string, string> = {};
    for (const name of Object.keys(list.rows[0] ?? {}))
      heads[name] = name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase();
    for (const [name, head] of list.columns) heads[name] = head;
    const rows = [heads, ...list.rows].map((row) => template(row).split('\t'));
    io.stdout.write(table(rows, fitting(io, rows[0]!, list.shrink)));
  } else {
    const template = compileTemplate(unescaped(format));
    io.stdout.write(list.rows.map((row) => `${template(row)}\n`).join(''));
  }
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
