/**
 * Whether texts match a pattern in which `*` stands for any text, also an empty one or several lines; all other
 * characters stand for themselves. Takes linear time for any pattern.
 *
 *     *.example.com
 *
 * @param options whether a match has to begin where the text begins, and to end where it ends; default: both
 */
export function starMatcher(
  pattern: string,
  { isAtStart, isAtEnd }: { isAtStart: boolean; isAtEnd: boolean } = { isAtStart: true, isAtEnd: true },
): (text: string) => boolean {
  const parts = pattern.split('*');
  const last = parts.pop()!;
  return (text) => {
    let at = 0;
    for (const [index, part] of parts.entries()) {
      if (index === 0 && isAtStart) {
        if (!text.startsWith(part)) return false;
        at = part.length;
        continue;
      }
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    if (isAtEnd && !(text.endsWith(last) && text.length - last.length >= at)) return false;
    if (isAtStart && parts.length === 0) return isAtEnd ? text === last : text.startsWith(last);
    return isAtEnd || text.includes(last, at);
  };
}
