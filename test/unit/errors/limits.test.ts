import { afterEach, describe, expect, test, vi } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { checkLimit, checkRatio, limit } from '../../../src/errors/limits.ts';

afterEach(() => vi.unstubAllEnvs());

function refusal(act: () => unknown): JettisonError | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof JettisonError) return error;
    throw error;
  }
  return undefined;
}

describe('limits', () => {
  test('reject larger values with an error that names the limit', () => {
    expect(refusal(() => checkLimit('archive-entries', 1_000_000, 'the archive'))).toBeUndefined();
    const error = refusal(() => checkLimit('archive-entries', 1_000_001, 'the archive'));
    expect(error).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: 'the archive has more than 1,000,000 entries, the limit "archive-entries"',
      hint: 'If the input is legitimate, raise the limit: JETTISON_LIMITS=archive-entries=4000000',
    });
    expect(refusal(() => checkLimit('config-size', 2 ** 24, 'it', 'X'))).toMatchObject({
      code: 'X',
      message: 'it is larger than 8 MiB, the limit "config-size"',
    });
  });

  test('a ratio counts for large archives only', () => {
    expect(refusal(() => checkRatio(2 ** 20, 2 ** 30))).toBeUndefined();
    expect(refusal(() => checkRatio(2 ** 30, 2 ** 37))).toBeUndefined();
    expect(refusal(() => checkRatio(2 ** 20, 2 ** 34))?.message).toContain('200 times larger');
  });

  test('are set by JETTISON_LIMITS', () => {
    vi.stubEnv('JETTISON_LIMITS', 'archive-entries=7, archive-ratio=2000');
    expect(limit('archive-entries')).toBe(7);
    expect(refusal(() => checkRatio(2 ** 24, 2 ** 34))).toBeUndefined();
    expect(limit('archive-names')).toBe(2 ** 29);
  });

  test.each([
    'archive-entries',
    'archive-entries=',
    'archive-entries=-1',
    'none=3',
    'json-depth=3',
    '__proto__=1',
  ])('JETTISON_LIMITS=%s is refused', (setting) => {
    vi.stubEnv('JETTISON_LIMITS', setting);
    expect(refusal(() => limit('archive-size'))).toMatchObject({ code: 'LIMITS_INVALID', exitCode: 2 });
  });
});
