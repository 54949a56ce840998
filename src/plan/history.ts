import type { Healthcheck } from '../image/types.ts';

/**
 * The `created_by` texts of current BuildKit, so that `docker history` does not depend on the builder. BuildKit prints
 * most lists with Go's formatting verbs.
 */

/** `["sh" "-c" "x"]`: Go's %q of a string list. */
export function quotedList(items: string[]): string {
  return `[${items.map(goQuote).join(' ')}]`;
}

/** `[a b]`: Go's %v of a string list. */
export function plainList(items: string[]): string {
  return `[${items.join(' ')}]`;
}

/** `RUN |2 A=1 B= /bin/sh -c … # buildkit`. @param args with a trailing space, e.g. `|2 A=1 B= ` */
export function runHistory(args: string, command: string[]): string {
  return `RUN ${args}${command.join(' ')} # buildkit`;
}

/** `HEALTHCHECK &{["CMD-SHELL" "…"] "30s" "5s" "0s" "0s" '\x03'}`: Go's %q of a pointer to a struct. */
export function healthcheckHistory(check: Healthcheck): string {
  const durations = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval];
  const retries = goQuoteRune(check.Retries ?? 0);
  return `HEALTHCHECK &{${quotedList(check.Test)} ${durations.map((d) => `"${goDuration(d ?? 0)}"`).join(' ')} ${retries}}`;
}

/** Go's strconv.Quote. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const short = {
      '"': '\\"',
      '\\': '\\\\',
      '\n': '\\n',
      '\t': '\\t',
      '\r': '\\r',
      '\x07': '\\a',
      '\b': '\\b',
      '\f': '\\f',
      '\v': '\\v',
    }[char];
    quoted += short ?? (code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : char);
  }
  return `${quoted}"`;
}

function goQuoteRune(code: number): string {
  const inner = goQuote(String.fromCodePoint(code)).slice(1, -1);
  return `'${inner === '\\"' ? '"' : inner === "'" ? "\\'" : inner}'`;
}

/** Go's time.Duration.String. */
function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e9) {
    const [unit, size] = nanoseconds < 1e3 ? ['ns', 1] : nanoseconds < 1e6 ? ['µs', 1e3] : ['ms', 1e6];
    return `${Number(nanoseconds) / Number(size)}${unit}`;
  }
  const total = nanoseconds / 1e9;
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = Number(((nanoseconds % 60e9) / 1e9).toFixed(9));
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
