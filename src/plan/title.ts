/** An instruction on one line, as progress shows it: continuations joined, a heredoc's body left out. */
export function oneLine(source: string): string {
  const heredoc = /<<-?["']?\w/.test(source.split('\n', 1)[0] ?? '');
  const text = heredoc ? source.split('\n', 1)[0]! : source;
  return text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/[\\`][ \t]*\n\s*/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
