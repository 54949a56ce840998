/** Width of a terminal that does not say. */
export const COLUMNS = 80;

/** Lines of a text that is too long for one; `indent` stands before all but the first. */
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
