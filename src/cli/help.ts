import { commands } from './commands.ts';

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
