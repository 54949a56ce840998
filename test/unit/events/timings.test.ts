import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BuildEvent } from '../../../src/events/event.ts';
import { PHASES } from '../../../src/events/phase.ts';
import type { TimedPart } from '../../../src/events/timings.ts';
import { TimingsRecorder } from '../../../src/events/timings-recorder.ts';
import { digest, Story } from '../../support/build-events.ts';

function timingsOf(events: readonly BuildEvent[]) {
  const recorder = new TimingsRecorder();
  for (const event of events) recorder.apply(event);
  return recorder.timings();
}

function partsOf(story: Story): Record<string, TimedPart> {
  return Object.fromEntries(timingsOf(story.events).parts.map((part) => [part.id, part]));
}

/** Tells of a phase that ends now. */
function phase(story: Story, step: string, name: (typeof PHASES)[number], durationMs: number): Story {
  const startedAt = story.now - durationMs;
  return story.emit({ type: 'step.phase', step, phase: name, startedAt, durationMs });
}

describe('the timings of a build', () => {
  test('say when a step ran, and its transfers', () => {
    const story = new Story().start({ a: ['RUN a'] }).wait(10);
    phase(story.wait(40), 'a/1', 'lookup', 40);
    story.wait(100).run('a/1').wait(20);
    phase(story, 'a/1', 'start', 20);
    phase(story.wait(300), 'a/1', 'run', 300).ends('a/1');
    expect(partsOf(story)['a/1']).toEqual({
      ...{ id: 'a/1', kind: 'step', title: '[a 1/1] RUN a', stage: 'a', outcome: 'done', needs: [] },
      busy: [
        { startMs: 10, endMs: 50 },
        { startMs: 150, endMs: 470 },
      ],
      phases: [
        { phase: 'lookup', startMs: 10, endMs: 50 },
        { phase: 'start', startMs: 150, endMs: 170 },
        { phase: 'run', startMs: 170, endMs: 470 },
      ],
    });
  });

  test('do not count the time that a step waits', () => {
    const story = new Story().start({ a: ['RUN a'] }).run('a/1');
    phase(story.wait(500), 'a/1', 'queue', 500).wait(20).ends('a/1');
    const { busy, phases } = partsOf(story)['a/1']!;
    expect(busy).toEqual([{ startMs: 500, endMs: 520 }]);
    expect(phases).toEqual([{ phase: 'queue', startMs: 0, endMs: 500 }]);
  });

  test('have the fetching and unpacking of an image, each moment once', () => {
    const story = new Story().start({ a: ['FROM x'] }).run('a/1');
    const move = (item: string, state: 'moving' | 'unpacking' | 'done') =>
      story.emit({ type: 'transfer', of: 'a/1', direction: 'in', item, state, moved: 1 });
    move('one', 'moving');
    move('two', 'moving');
    story.wait(100);
    move('one', 'unpacking');
    story.wait(50);
    move('two', 'unpacking');
    story.wait(30);
    move('one', 'done');
    move('two', 'done');
    story.ends('a/1');
    expect(partsOf(story)['a/1']?.phases).toEqual([
      { phase: 'fetch', startMs: 0, endMs: 150 },
      { phase: 'unpack', startMs: 150, endMs: 180 },
    ]);
  });

  test('give a step the packing and sending of its layer, which are not its own time', () => {
    const story = new Story().start({ a: ['RUN a'] }).run('a/1');
    story.wait(10).emit({ type: 'step.finished', step: 'a/1', outcome: 'done', durationMs: 10, layer: 'l' });
    story.emit({ type: 'export.started', what: 'image' }).wait(200);
    const packed = { diffId: digest('a'), blob: digest('b'), layer: 'l', size: 5, reused: false };
    story.emit({ type: 'export.layer', ...packed, durationMs: 200 });
    story.emit({ type: 'export.finished', what: 'image', durationMs: 200 });
    story.emit({ type: 'export.started', what: 'pushing x' });
    const sent = {
      type: 'transfer',
      of: 'pushing x',
      direction: 'out',
      item: digest('b'),
      moved: 5,
    } as const;
    story
      .emit({ ...sent, state: 'moving' })
      .wait(70)
      .emit({ ...sent, state: 'done' });
    story.emit({ type: 'export.finished', what: 'pushing x', durationMs: 70 });
    const parts = partsOf(story);
    expect(parts['a/1']?.busy).toEqual([{ startMs: 0, endMs: 10 }]);
    expect(parts['a/1']?.phases).toEqual([
      { phase: 'pack', startMs: 10, endMs: 210 },
      { phase: 'push', startMs: 210, endMs: 280 },
    ]);
    expect(parts['export image']?.busy).toEqual([{ startMs: 10, endMs: 210 }]);
    expect(parts['export pushing x']?.phases).toEqual([{ phase: 'push', startMs: 210, endMs: 280 }]);
  });

  test('never overlap, for any events', () => {
    const span = fc.tuple(fc.constantFrom(...PHASES), fc.nat(500), fc.nat(200));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 20 }), fc.nat(800), (spans, length) => {
        const story = new Story().start({ a: ['RUN a'] });
        const from = story.now;
        story.run('a/1');
        for (const [name, at, durationMs] of spans)
          story.emit({ type: 'step.phase', step: 'a/1', phase: name, startedAt: from + at, durationMs });
        story.wait(length).ends('a/1');
        const { busy, phases } = partsOf(story)['a/1']!;
        const own = phases.filter((one) => one.phase !== 'pack' && one.phase !== 'push');
        for (const list of [busy, own]) {
          for (const [i, { startMs, endMs }] of list.entries()) {
            expect(endMs).toBeGreaterThanOrEqual(startMs);
            if (i > 0) expect(startMs).toBeGreaterThanOrEqual(list[i - 1]!.endMs);
          }
        }
        for (const { phase: name, startMs, endMs } of own) {
          const worked = busy.some((one) => one.startMs < endMs && startMs < one.endMs);
          expect(worked).toBe(name !== 'queue');
        }
      }),
    );
  });
});
