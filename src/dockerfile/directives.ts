const DIRECTIVE = /^#(.*)$/s;
const NAME = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=/;
const SPACE = '\t\n\f\r ';
const KNOWN = ['syntax', 'escape', 'check'] as const;

export interface Directive {
  name: (typeof KNOWN)[number];
  value: string;
}

/** Reads a line (leading space already taken off) as a parser directive, e.g. `# escape=\``. */
export function parseDirective(line: string): Directive | undefined {
  const comment = DIRECTIVE.exec(line)?.[1]?.trimStart();
  const match = comment === undefined ? undefined : NAME.exec(comment);
  const name = KNOWN.find((known) => known === match?.[1]?.toLowerCase());
  if (name === undefined) return undefined;
  const rest = comment!.slice(match![0].length);
  // Docker's value has at least one character, even if all that follows is blank.
  const value = trimSpace(rest) || rest.slice(-1);
  return value === '' ? undefined : { name, value };
}

/** Without the blanks around it. A regular expression that allows blanks inside would try every run of them. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACE.includes(text[start]!)) start++;
  while (end > start && SPACE.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}
