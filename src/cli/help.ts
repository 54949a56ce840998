import { type Description, summaryOf } from './command.ts';
import { commands } from './commands.ts';
import { type FlagTable, flagForm } from './flag.ts';
import { COLUMNS, wrapped } from './print/wrap.ts';

/** The text of wider entries starts on the next line. */
const WIDEST_HEAD = 26;

/** The options of `jettison` itself. */
export const overviewEntries: [form: string, help: string][] = [
  ['-h, --help', 'Show this text'],
  ['-v, --version', 'Show the version'],
];

/** The text of `jettison --help`. */
export function overview(): string {
  const list = Object.entries(commands).map(([name, { summary }]): [string, string] => [name, summary]);
  return `Usage: jettison COMMAND [OPTIONS]

Builds container images from Dockerfiles, without a daemon or root.

Commands:
${columns(list)}
Options:
${columns(overviewEntries)}
${paragraphs(
  '`jettison COMMAND --help` describes a command. The store is in $JETTISON_HOME, else $XDG_DATA_HOME/jettison, else ~/.local/share/jettison.',
)}`;
}

/** The text of `jettison COMMAND --help`, in lines of at most 80 columns. */
export function helpText({ usage, about, flags, subcommands, notes, examples }: Description): string {
  const parts = [`${wrapped(`Usage: ${usage}`, '  ', COLUMNS).join('\n')}\n`, paragraphs(about)];
  if (subcommands !== undefined) {
    const list = Object.entries(subcommands).map(([name, one]): [string, string] => [name, summaryOf(one)]);
    parts.push(`Commands:\n${columns(list)}`);
  }
  const options = flagEntries(flags ?? {});
  if (options.length > 0) parts.push(`Options:\n${columns(options)}`);
  if (notes !== undefined) parts.push(paragraphs(notes));
  if (examples !== undefined) parts.push(`Examples:\n${examples.map((line) => `  ${line}\n`).join('')}`);
  return parts.join('\n');
}

/** Flags by their names, each with its form and its help. */
function flagEntries(table: FlagTable): [form: string, help: string][] {
  return Object.keys(table)
    .sort()
    .map((name) => {
      const flag = table[name]!;
      const gap = flag.short === undefined ? '    ' : '';
      return [gap + flagForm(name, flag), flag.help];
    });
}

/** Two columns; the text of a long entry starts on the next line. */
function columns(entries: [head: string, text: string][]): string {
  const widths = entries.map(([head]) => head.length).filter((width) => width <= WIDEST_HEAD);
  const width = Math.max(0, ...widths) + 2;
  const indent = ' '.repeat(width + 2);
  return entries
    .flatMap(([head, text]) =>
      head.length > WIDEST_HEAD
        ? [`  ${head}`, ...wrapped(`${indent}${text}`, indent, COLUMNS)]
        : wrapped(`  ${head.padEnd(width)}${text}`, indent, COLUMNS),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function paragraphs(text: string): string {
  return text
    .trim()
    .split('\n\n')
    .map((paragraph) => `${wrapped(paragraph.replaceAll('\n', ' '), '', COLUMNS).join('\n')}\n`)
    .join('\n');
}
