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
  // As in Docker a value has at least one character, even if it is a space.
  const value = trimSpace(rest) || rest.slice(-1);
  return value === '' ? undefined : { name, value };
}

/** The text without surrounding space. A regular expression would take quadratic time for long runs of spaces. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACE.includes(text[start]!)) start++;
  while (end > start && SPACE.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}
