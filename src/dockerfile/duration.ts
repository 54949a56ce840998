const UNITS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5
  μs: 1e3, // U+03BC
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const MAXIMUM = 2n ** 63n;

/**
 * Reads a duration as Go writes it (`30s`, `1m30s`, `1.5h`, `-2ms`, `0`).
 * @returns nanoseconds, or undefined when the text is not a duration or does not fit 64 bits
 */
export function parseDuration(text: string): number | undefined {
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  const rest = text.slice(sign.length);
  if (rest === '0') return 0;
  if (!/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) return undefined;
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of rest.matchAll(
    /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    const scale = UNITS[unit]!;
    total += BigInt(whole || '0') * BigInt(scale);
    if (fraction !== '') total += BigInt(Math.trunc(Number(`0.${fraction}`) * scale));
  }
  if (total >= MAXIMUM) return undefined;
  return Number(sign === '-' ? -total : total) || 0;
}
