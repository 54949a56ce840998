import { describe, expect, it } from 'vitest';
import { soundTimings } from '../../../src/history/imported-timings.ts';
import { sample } from '../timings/parts.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever a file may say
type Odd = any;

/** The sample with a change, as JSON brings it. */
function changed(change: (timings: Odd) => void): unknown {
  const timings = JSON.parse(JSON.stringify(sample()));
  change(timings);
  return timings;
}
const span = (startMs: unknown, endMs: unknown) => ({ startMs, endMs });

describe('timings of an imported build', () => {
  it('are taken as they are when they are sound', () => {
    expect(soundTimings(JSON.parse(JSON.stringify(sample())))).toEqual(sample());
  });

  it('lose unknown members', () => {
    const odd = changed((timings) => {
      timings['parts'][2].evil = '<script>';
      timings['parts'][2].phases[0].evil = 1;
    });
    expect(soundTimings(odd)).toEqual(sample());
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', []],
    ['no parts', { startedAt: 1, durationMs: 1 }],
    ['a duration that is text', changed((one) => (one.durationMs = '1'))],
    ['an endless duration', changed((one) => (one.durationMs = 1e300))],
    ['an unknown kind', changed((one) => (one.parts[0].kind = '"><script>'))],
    ['an unknown outcome', changed((one) => (one.parts[2].outcome = '"><script>'))],
    ['an unknown phase', changed((one) => (one.parts[1].phases[0].phase = '"/><script>'))],
    [
      'a phase named like a member of all objects',
      changed((one) => (one.parts[1].phases[0].phase = 'constructor')),
    ],
    ['a title that is no text', changed((one) => (one.parts[1].title = { toString: 'x' }))],
    ['a title without an end', changed((one) => (one.parts[1].title = 'x'.repeat(5000)))],
    ['needs that are no list', changed((one) => (one.parts[1].needs = 'a/1'))],
    ['an end before its beginning', changed((one) => (one.parts[1].busy = [span(5, 4)]))],
    ['a time before the build', changed((one) => (one.parts[1].busy = [span(-1, 4)]))],
    ['a time after the build', changed((one) => (one.parts[1].busy = [span(0, one.durationMs + 1)]))],
    ['a time that is no number', changed((one) => (one.parts[1].busy = [span(0, null)]))],
    ['the same id twice', changed((one) => (one.parts[2].id = one.parts[1].id))],
    ['too many spans', changed((one) => (one.parts[1].busy = Array(20_001).fill(span(0, 1))))],
    ['too many parts', changed((one) => (one.parts = Array(10_001).fill(one.parts[0])))],
  ])('are left out with %s', (_, value) => {
    expect(soundTimings(value)).toBeUndefined();
  });
});
