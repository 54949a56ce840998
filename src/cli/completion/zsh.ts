import { quote } from '../../fields/shell-quote.ts';
import type { NamedCommand } from '../every-command.ts';
import { type Flag, flagNames } from '../flag.ts';
import { completedCommands, flagOffer, groupsOf, LOOK_UPS, type Offer } from './offer.ts';

/** The completion script for zsh, with `_arguments`: see zshcompsys(1). */
export function zshScript(commands: readonly NamedCommand[]): string {
  const cases = completedCommands(commands).map(({ name, flags, args, repeats, runsPrograms }) => {
    const specs = [
      ...Object.entries(flags).flatMap(([flag, definition]) => flagSpecs(flag, definition)),
      '--help[Show the help]',
      ...args.map((offer, index) => {
        const isLast = index === args.length - 1;
        return `${isLast && repeats ? '*' : index + 1}:${offer.kind}:${action(offer)}`;
      }),
    ];
    return `    (${quote(name)}) _arguments ${runsPrograms ? '-A "-*" ' : ''}-s -S ${specs.map(quote).join(' ')} ;;`;
  });
  const top = commands.filter(({ name }) => !name.includes(' '));
  const groups = groupsOf(commands);
  const below = groups.map(({ name }) => {
    const list = commands.filter((one) => one.name.startsWith(`${name} `));
    return `    (${quote(name)}) _jettison_words ${described(list, name.length + 1)} ;;`;
  });
  return `#compdef jettison jettison-build
# zsh completion for jettison: source <(jettison completion zsh)

_jettison_words() {
  local -a list=("$@")
  _describe -t commands 'command' list
}

_jettison_images() {
  local -a list=(\${\${(f)"$(${LOOK_UPS.images} 2>/dev/null)"}:#'<none>'*})
  _wanted images expl image compadd -a list
}

_jettison_containers() {
  local -a list=(\${(f)"$(${LOOK_UPS.containers} 2>/dev/null)"})
  _wanted containers expl container compadd -a list
}

_jettison() {
  if (( CURRENT == 2 )); then
    _jettison_words ${described(top, 0)}
    return
  fi
  local name=$words[2]
  case $name in
    (${groups.map(({ name }) => name).join('|')})
      if (( CURRENT > 3 )); then
        name="$name $words[3]"
        shift words
        (( CURRENT-- ))
      fi ;;
  esac
  shift words
  (( CURRENT-- ))
  case $name in
${[...below, ...cases].join('\n')}
  esac
}

if [[ $funcstack[1] == _jettison ]]; then
  _jettison "$@"
else
  compdef _jettison jettison jettison-build
fi
`;
}

function described(list: readonly NamedCommand[], from: number): string {
  return list.map(({ name, summary }) => quote(`${name.slice(from)}:${summary}`)).join(' ');
}

/** One specification per name of a flag. A flag excludes itself, unless it may be given several times. */
function flagSpecs(name: string, flag: Flag): string[] {
  const names = flagNames(name, flag);
  const offer = flagOffer(flag);
  const value =
    offer === undefined
      ? ''
      : `:${flag.bare === undefined ? '' : ':'}${escaped(flag.value!)}:${action(offer)}`;
  return names.map((form) => {
    const takes =
      offer === undefined ? '' : form.startsWith('--') ? (flag.bare === undefined ? '=' : '=-') : '+';
    return `${flag.many ? '*' : `(${names.join(' ')})`}${form}${takes}[${escaped(flag.help)}]${value}`;
  });
}

function action(offer: Offer): string {
  switch (offer.kind) {
    case 'words':
      return `(${offer.words.map((word) => escaped(word).replace(/[()]/g, '\\$&')).join(' ')})`;
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'images':
    case 'containers':
      return `_jettison_${offer.kind}`;
    case 'nothing':
      return '';
  }
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}
