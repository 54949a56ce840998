/**
 * Paragraphs of `Name: value` lines, as Debian's control files have them: separated by empty lines, values go on in
 * lines that begin with a space. Names in lower case; of values that go on only the first line, which is all that
 * packages are known by.
 */
export function paragraphs(text: string): Map<string, string>[] {
  const all: Map<string, string>[] = [];
  let fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') {
      if (fields.size > 0) all.push(fields);
      fields = new Map();
      continue;
    }
    const colon = line.indexOf(':');
    if (colon > 0 && line[0] !== ' ' && line[0] !== '\t') {
      fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
  }
  if (fields.size > 0) all.push(fields);
  return all;
}
