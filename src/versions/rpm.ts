import { compareDigits } from './deb.ts';

/**
 * Compares RPM versions, `[epoch:]version[-release]`, by segments of digits or letters; the characters between them are
 * ignored. `~` is before everything, `^` after the end but before any other segment. A missing release equals every
 * release. Negative if `a` is older.
 */
export function compareRpm(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return (
    compareDigits(left.epoch, right.epoch) ||
    compareSegments(left.version, right.version) ||
    (left.release === undefined || right.release === undefined
      ? 0
      : compareSegments(left.release, right.release))
  );
}

function split(text: string): { epoch: string; version: string; release: string | undefined } {
  const [, epoch = '0', version = '', release] = /^(?:(\d*):)?([^-]*)(?:-(.*))?$/s.exec(text) ?? [];
  return { epoch, version, release };
}

function compareSegments(a: string, b: string): number {
  const [left, right] = [segmentsOf(a), segmentsOf(b)];
  for (let at = 0; ; at++) {
    const [x, y] = [left[at], right[at]];
    if (x === y) {
      if (x === undefined) return 0;
      continue;
    }
    if (x === '~' || y === '~') return x === '~' ? -1 : 1;
    if (x === '^' || y === '^') {
      if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
      return x === '^' ? -1 : 1;
    }
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    const numbers = [/^\d/.test(x), /^\d/.test(y)];
    // A number is newer than letters.
    if (numbers[0] !== numbers[1]) return numbers[0] ? 1 : -1;
    const difference = numbers[0] ? compareDigits(x, y) : x < y ? -1 : 1;
    if (difference !== 0) return difference;
  }
}

function segmentsOf(text: string): string[] {
  return text.match(/\d+|[A-Za-z]+|[~^]/g) ?? [];
}
