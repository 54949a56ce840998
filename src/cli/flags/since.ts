import { usageError } from '../../errors/error.ts';

const DAY = 24 * 60 * 60;
const UNITS: Record<string, number> = { h: 3600, d: DAY, w: 7 * DAY, m: 30 * DAY, y: 365 * DAY };

/**
 * Parses a time: `2026-01-31`, `2026-01-31T12:00:00Z`, or an age such as `90d`.
 *
 * @returns seconds since 1970
 * @throws JettisonError `USAGE`
 */
export function since(text: string, now: number = Date.now()): number {
  const [, count, unit] = /^(\d{1,5})([hdwmy])$/.exec(text) ?? [];
  if (unit !== undefined) return Math.floor(now / 1000) - Number(count) * UNITS[unit]!;
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:\d\d)?)?$/.test(text);
  const at = isDate ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw usageError(
      `invalid date "${text}"`,
      'Write it like 2026-01-31, or as an age: 12h, 90d, 6w, 3m, 1y.',
    );
  }
  return Math.floor(at / 1000);
}
