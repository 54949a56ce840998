import { VERSION } from '../../version.ts';
import type { NamedCommand } from '../every-command.ts';
import { type FlagTable, flagForm } from '../flag.ts';
import { overviewEntries } from '../help.ts';

/** The man page of a command (undefined: of `jettison`), in the format of man(7). */
export function manPage(named: NamedCommand | undefined, all: readonly NamedCommand[]): string {
  const name = named === undefined ? 'jettison' : `jettison-${named.name.replaceAll(' ', '-')}`;
  const summary = named?.summary ?? 'build container images without a daemon or root';
  const command = named?.command;
  const below = all.filter((one) =>
    named === undefined ? !one.name.includes(' ') : one.name.startsWith(`${named.name} `),
  );
  const others = below.map((one) => `.BR jettison-${one.name.replaceAll(' ', '-')} (1)`);
  const parents = named === undefined ? [] : [`.BR jettison (1)`];
  return [
    `.TH "${name.toUpperCase()}" "1" "" "Jettison ${VERSION}"`,
    '.SH NAME',
    `${name} \\- ${escaped(summary)}`,
    '.SH SYNOPSIS',
    `.B ${escaped(command?.usage ?? 'jettison COMMAND [OPTIONS]')}`,
    '.SH DESCRIPTION',
    ...paragraphs(command?.about ?? 'Builds container images from Dockerfiles, without a daemon or root.'),
    ...entries(
      'COMMANDS',
      below.map((one) => [one.name.split(' ').at(-1)!, one.summary]),
    ),
    ...entries('OPTIONS', named === undefined ? overviewEntries : flagEntries(command?.flags ?? {})),
    ...(command?.notes === undefined ? [] : ['.SH NOTES', ...paragraphs(command.notes)]),
    ...examples(command?.examples ?? []),
    ...(parents.length + others.length === 0
      ? []
      : ['.SH SEE ALSO', ...[...parents, ...others].map(commaBefore)]),
    '',
  ].join('\n');
}

function flagEntries(flags: FlagTable): [string, string][] {
  return Object.keys(flags)
    .sort()
    .map((name) => [flagForm(name, flags[name]!), flags[name]!.help]);
}

function entries(title: string, list: readonly (readonly [head: string, text: string])[]): string[] {
  if (list.length === 0) return [];
  return [
    `.SH ${title}`,
    ...list.flatMap(([head, text]) => ['.TP', `\\fB${escaped(head)}\\fR`, escaped(text)]),
  ];
}

function examples(lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return ['.SH EXAMPLES', '.nf', ...lines.map(escaped), '.fi'];
}

function paragraphs(text: string): string[] {
  return text
    .trim()
    .split('\n\n')
    .flatMap((paragraph, index) => [
      ...(index === 0 ? [] : ['.PP']),
      escaped(paragraph.replaceAll('\n', ' ')),
    ]);
}

function commaBefore(line: string, index: number, all: readonly string[]): string {
  return index === all.length - 1 ? line : `${line} ,`;
}

/** Escapes text for roff, with hyphens that can be copied. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&')
    .replaceAll('…', '...');
}
