const DIRECTIVE = /^#(.*)$/s;
const ASSIGNMENT = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*$/s;
const KNOWN = ['syntax', 'escape', 'check'] as const;

export interface Directive {
  name: (typeof KNOWN)[number];
  value: string;
}

/** Reads a line (leading space already taken off) as a parser directive, e.g. `# escape=\``. */
export function parseDirective(line: string): Directive | undefined {
  const comment = DIRECTIVE.exec(line)?.[1]?.trimStart();
  const match = comment === undefined ? undefined : ASSIGNMENT.exec(comment);
  const name = KNOWN.find((known) => known === match?.[1]?.toLowerCase());
  return name && match ? { name, value: match[2]! } : undefined;
}
