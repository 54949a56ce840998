import { describe, expect, test } from 'vitest';
import { chromeTrace } from '../../../src/timings/chrome-trace.ts';
import { sample } from './parts.ts';

interface Slice {
  name: string;
  ph: string;
  tid: number;
  ts: number;
  dur: number;
  args?: Record<string, unknown>;
}

describe('a trace for Perfetto', () => {
  const { traceEvents, displayTimeUnit } = JSON.parse(chromeTrace(sample())) as {
    traceEvents: Slice[];
    displayTimeUnit: string;
  };
  const slices = traceEvents.filter(({ ph }) => ph === 'X');
  const threads = new Map(
    traceEvents.flatMap(({ ph, name, tid, args }) =>
      ph === 'M' && name === 'thread_name' ? [[tid, args?.['name']] as const] : [],
    ),
  );

  test('has steps on the thread of their stage, in microseconds', () => {
    expect(displayTimeUnit).toBe('ms');
    const run = slices.find(({ name }) => name === '[a 2/3] RUN npm ci')!;
    expect(run).toMatchObject({ ts: 3_000_000, dur: 6_000_000, args: { id: 'a/2', critical: true } });
    expect(threads.get(run.tid)).toBe('a');
    expect(slices.find(({ name }) => name === 'run')).toMatchObject({ tid: run.tid, dur: 5_200_000 });
    // A base image of two stages is one piece of work.
    expect(slices.filter(({ name }) => name === 'fetch')).toHaveLength(1);
  });

  test('has slices of one thread beside or inside each other, never across', () => {
    expect(slices.some(({ name }) => name === 'pack [a 2/3] RUN npm ci')).toBe(true);
    for (const a of slices) {
      for (const b of slices.filter(({ tid }) => tid === a.tid)) {
        const apart = a.ts + a.dur <= b.ts || b.ts + b.dur <= a.ts;
        const within = (x: Slice, y: Slice) => x.ts >= y.ts && x.ts + x.dur <= y.ts + y.dur;
        expect(apart || within(a, b) || within(b, a)).toBe(true);
      }
    }
  });
});
