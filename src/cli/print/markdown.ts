import { visible } from '../../errors/safe-text.ts';

/** Text as it stands, in one line: nothing in it is markup. */
export function markdownText(text: string): string {
  return visible(text)
    .replace(/[\\|`*_<>[\]]/g, '\\$&')
    .replace(/\s+/g, ' ');
}

/**
 * A table of Markdown.
 *
 * @param numbers whether the columns after the first are numbers, which stand at the right
 */
export function markdownTable([head, ...body]: readonly string[][], numbers = false): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownText).join(' | ')} |\n`;
  const rule = `| --- |${(numbers ? ' ---: |' : ' --- |').repeat(head!.length - 1)}\n`;
  return line(head!) + rule + body.map(line).join('');
}

/** Lines of code, in a fence that is longer than any in them. */
export function markdownCode(lines: string, language: string): string {
  const longest = Math.max(2, ...[...lines.matchAll(/`+/g)].map(([marks]) => marks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${lines}${fence}\n`;
}
