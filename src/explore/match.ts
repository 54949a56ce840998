import { starMatcher } from '../fields/star-pattern.ts';

/**
 * Whether texts contain a typed pattern: `*` matches anything, `^` the beginning and `$` the end. A pattern without
 * capitals ignores case (`ignoresCase`). Takes linear time for any pattern.
 */
export function matcher(typed: string): (text: string) => boolean {
  const matches = exactMatcher(typed);
  return ignoresCase(typed) ? (text) => matches(text.toLowerCase()) : matches;
}

/** Whether a typed pattern ignores case: it has no capitals. */
export function ignoresCase(typed: string): boolean {
  return typed === typed.toLowerCase();
}

/** The same for a pattern with case; for one that ignores case, pass texts in lower case. */
export function exactMatcher(typed: string): (text: string) => boolean {
  const isAtStart = typed.startsWith('^');
  const isAtEnd = typed.length > 1 && typed.endsWith('$');
  const pattern = typed.slice(isAtStart ? 1 : 0, isAtEnd ? -1 : undefined);
  return starMatcher(pattern, { isAtStart, isAtEnd });
}
