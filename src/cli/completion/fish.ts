import type { NamedCommand } from '../every-command.ts';
import type { Flag } from '../flag.ts';
import { completedCommands, flagOffer, groupsOf, LOOK_UPS, type Offer } from './offer.ts';

/** The completion script for fish: one `complete` per command and flag. */
export function fishScript(commands: readonly NamedCommand[]): string {
  const groups = groupsOf(commands);
  const lines = [
    ...commands.map(({ name, summary }) => {
      const words = name.split(' ');
      return `complete -c jettison -n ${fishQuoted(`__jettison_at '${words.slice(0, -1).join(' ')}'`)} -f -a ${words.at(-1)} -d ${fishQuoted(summary)}`;
    }),
    ...completedCommands(commands).flatMap(({ name, flags, args }) => {
      const condition = `-n ${fishQuoted(`__jettison_at '${name}'`)}`;
      const offers = [...new Set(args.map(offered))].filter((one) => one !== '');
      return [
        `complete -c jettison ${condition} -f`,
        ...offers.map((offer) => `complete -c jettison ${condition} ${offer}`),
        ...Object.entries(flags).map(
          ([flag, definition]) => `complete -c jettison ${condition} ${flagWords(flag, definition)}`,
        ),
      ];
    }),
  ];
  return `# fish completion for jettison: jettison completion fish | source

# Whether the command before the cursor is this one.
function __jettison_at
    set -l words (commandline -opc)
    set -l name $words[2]
    if contains -- "$name" ${groups.map(({ name }) => name).join(' ')}; and set -q words[3]
        set name "$name $words[3]"
    end
    test "$name" = "$argv[1]"
end

function __jettison_images
    ${LOOK_UPS.images} 2>/dev/null | string match -v '<none>*'
end

function __jettison_containers
    ${LOOK_UPS.containers} 2>/dev/null
end

${lines.join('\n')}
complete -c jettison-build -w jettison
`;
}

function flagWords(name: string, flag: Flag): string {
  const offer = flagOffer(flag);
  const parts = [`-l ${name}`, ...(flag.short === undefined ? [] : [`-s ${flag.short}`])];
  if (offer !== undefined) parts.push('-r', offered(offer) || '-f');
  return [...parts, `-d ${fishQuoted(flag.help)}`].join(' ');
}

function offered(offer: Offer): string {
  switch (offer.kind) {
    case 'words':
      return `-f -a ${fishQuoted(offer.words.join(' '))}`;
    case 'files':
      return '-F';
    case 'folders':
      return "-f -a '(__fish_complete_directories)'";
    case 'images':
    case 'containers':
      return `-f -a '(__jettison_${offer.kind})'`;
    case 'nothing':
      return '';
  }
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
