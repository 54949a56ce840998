import { commands } from './commands.ts';
import { COLUMNS, wrapped } from './print/wrap.ts';

/** The text of `jettison --help`. */
export function overview(): string {
  const names = Object.keys(commands);
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const list = names.map((name) => `  ${name.padEnd(width)}${commands[name]!.summary}`);
  return `Usage: jettison COMMAND [OPTIONS]

Builds container images from Dockerfiles, without a daemon or root.

Commands:
${list.join('\n')}

Options:
  -h, --help     Show this text
  -v, --version  Show the version

\`jettison COMMAND --help\` describes a command.
The store is in $JETTISON_HOME, else $XDG_DATA_HOME/jettison, else ~/.local/share/jettison.
`;
}

/** A help text in which no line is longer than a terminal: what an option does goes on in its column. */
export function fitted(text: string, columns = COLUMNS): string {
  return text
    .split('\n')
    .flatMap((line) => {
      if (line.length <= columns) return [line];
      const [, head = ''] = /^(\s*\S.*?\s{2,})(?=\S)/.exec(line) ?? [];
      const isOption = line.startsWith('  ') && head !== '' && head.length < columns / 2;
      const indent = isOption ? ' '.repeat(head.length) : (/^\s*/.exec(line)?.[0] ?? '');
      return wrapped(line, indent, columns);
    })
    .join('\n');
}
