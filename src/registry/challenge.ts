/** One way to authenticate that a `WWW-Authenticate` header offers; scheme and parameter names in lower case. */
export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/**
 * Parses `WWW-Authenticate` (RFC 9110, 11.6.1). Several challenges may share a header, separated by the same commas as
 * their parameters. Skips what it cannot parse.
 */
export function parseChallenges(header: string | undefined): Challenge[] {
  const challenges: Challenge[] = [];
  const text = header ?? '';
  const token = /\s*(?:,\s*)*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(\s*=\s*)?/y;
  const value = /"((?:[^"\\]|\\.)*)"|([^\s,"]+)/y;
  while (token.lastIndex < text.length) {
    const word = token.exec(text);
    if (word === null) break;
    const name = word[1]!.toLowerCase();
    const current = challenges.at(-1);
    if (word[2] === undefined) {
      challenges.push({ scheme: name, parameters: {} });
      continue;
    }
    value.lastIndex = token.lastIndex;
    const match = value.exec(text);
    if (match === null || current === undefined) break;
    current.parameters[name] = match[1] === undefined ? match[2]! : match[1].replace(/\\(.)/g, '$1');
    token.lastIndex = value.lastIndex;
  }
  return challenges;
}
