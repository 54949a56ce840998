import { quote } from '../../fields/shell-quote.ts';
import type { NamedCommand } from '../every-command.ts';
import { flagNames } from '../flag.ts';
import { completedCommands, flagOffer, groupsOf, LOOK_UPS, type Offer } from './offer.ts';

/**
 * The completion script for bash. Words are split here, since COMP_WORDS also breaks them at `=` and `:`. Names are
 * compared as text, since `compgen -W` would expand them.
 */
export function bashScript(commands: readonly NamedCommand[]): string {
  const all = completedCommands(commands);
  const flagValues = all.flatMap(({ name, flags }) =>
    Object.entries(flags).flatMap(([flag, definition]) => {
      const offer = flagOffer(definition);
      if (offer === undefined) return [];
      const patterns = flagNames(flag, definition).map((form) => quote(`${name} ${form}`));
      return [`    ${patterns.join('|')}) _jettison_offer ${offerWords(offer)} ;;`];
    }),
  );
  const flagWords = all.map(({ name, flags }) => {
    const words = Object.entries(flags).flatMap(([flag, definition]) => flagNames(flag, definition));
    return `    ${quote(name)}) _jettison_offer words ${[...words, '--help'].join(' ')} ;;`;
  });
  const args = all.flatMap(({ name, args, repeats }) =>
    args.map((offer, index) => {
      const pattern =
        index === args.length - 1 && repeats ? `${quote(`${name} `)}*` : quote(`${name} ${index}`);
      return `    ${pattern}) _jettison_offer ${offerWords(offer)} ;;`;
    }),
  );
  const groups = groupsOf(commands).map(
    ({ name, command }) =>
      `    ${quote(name)}) _jettison_offer words ${Object.keys(command.subcommands ?? {}).join(' ')} ;;`,
  );
  const top = commands.map(({ name }) => name).filter((name) => !name.includes(' '));
  const programs = all.filter(({ runsPrograms }) => runsPrograms).map(({ name }) => name);
  return `# bash completion for jettison: source <(jettison completion bash)

# Prints the offered words, one per line.
_jettison_offer() {
  local kind=$1
  shift
  case $kind in
    words) printf '%s\n' "$@" ;;
    files) compgen -f -- "$current" ;;
    folders) compgen -d -- "$current" ;;
    images) ${LOOK_UPS.images} 2>/dev/null ;;
    containers) ${LOOK_UPS.containers} 2>/dev/null ;;
  esac
}

# Prints the values of a command's flag; returns 1 for a switch.
_jettison_value() {
  case "$1 $2" in
${flagValues.join('\n')}
    *) return 1 ;;
  esac
}

_jettison_flags() {
  case "$1" in
${flagWords.join('\n')}
  esac
}

# Prints the offers for the next argument, by command and number of arguments so far.
_jettison_argument() {
  case "$1 $2" in
${args.join('\n')}
  esac
}

_jettison_commands() {
  case "$1" in
    '') _jettison_offer words ${top.join(' ')} help --help --version ;;
${groups.join('\n')}
    *) return 1 ;;
  esac
}

_jettison() {
  local line=\${COMP_LINE:0:COMP_POINT} words current command count=0 i last offer name
  current=\${line##*[[:space:]]}
  read -ra words <<<"\${line%"$current"}"
  command=\${words[1]-}
  i=2
  if _jettison_commands "$command" >/dev/null && [[ -n $command && -n \${words[2]-} ]]; then
    command+=" \${words[2]}"
    i=3
  fi
  for (( ; i < \${#words[@]}; i++)); do
    last=
    if [[ \${words[i]} != -* ]]; then
      ((count++))
    elif [[ \${words[i]} != *=* ]] && current= _jettison_value "$command" "\${words[i]}" >/dev/null; then
      last=\${words[i]}
      ((i++))
    fi
  done
  # The value of the last flag is the current word, unless it was read as a word before it.
  ((i > \${#words[@]})) || last=
  local start=$current
  if [[ -n $last ]]; then
    offer=$(_jettison_value "$command" "$last")
  elif [[ $current == --*=* ]]; then
    start=\${current#*=}
    offer=$(current=$start _jettison_value "$command" "\${current%%=*}")
  elif offer=$(_jettison_commands "$command"); then
    :
  elif [[ $current == -* && ( $count == 0 || ! " ${programs.join(' ')} " == *" $command "* ) ]]; then
    offer=$(_jettison_flags "$command")
  else
    offer=$(_jettison_argument "$command" "$count")
  fi
  # Bash replaces only what follows the last = or : of the word.
  local kept=\${start%"\${start##*[=:]}"}
  COMPREPLY=()
  while IFS= read -r name; do
    [[ -n $name && $name == "$start"* && $name != '<none>'* ]] || continue
    COMPREPLY+=("\${name#"$kept"}")
  done <<<"$offer"
  if [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[=:/] ]]; then compopt -o nospace 2>/dev/null; fi
}

complete -o filenames -F _jettison jettison jettison-build
`;
}

function offerWords(offer: Offer): string {
  return offer.kind === 'words' ? ['words', ...offer.words.map(quote)].join(' ') : offer.kind;
}
