/** Default width of a terminal. */
export const COLUMNS = 80;

/** Wraps a text; `indent` precedes all lines but the first. */
export function wrapped(line: string, indent: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns);
    if (space <= indent.length) break;
    lines.push(rest.slice(0, space).trimEnd());
    rest = indent + rest.slice(space + 1);
  }
  return [...lines, rest];
}
