import type { StepOutcome } from '../events/event.ts';
import { PHASES } from '../events/phase.ts';
import type { BuildTimings, TimedPart, TimeSpan } from '../events/timings.ts';
import { isObject } from '../fields/json-values.ts';

const KINDS = ['plan', 'step', 'import', 'export'] as const;
const OUTCOMES: readonly StepOutcome[] = ['done', 'cached', 'reused', 'failed', 'cancelled'];

/** No build has more parts, or more stretches of time. The critical path compares stretches with each other. */
const MOST_PARTS = 10_000;
const MOST_SPANS = 20_000;
const MOST_TEXT = 4096;
/** Milliseconds: a year. */
const LONGEST_MS = 366 * 24 * 60 * 60 * 1000;

/**
 * Timings from a file that anybody may have written: undefined unless every member is as `TimingsRecorder` makes it.
 * Pages and tables rely on that: kinds, outcomes and phases stand in them as they are.
 */
export function soundTimings(value: unknown): BuildTimings | undefined {
  if (!isObject(value)) return undefined;
  const { startedAt, durationMs, parts } = value;
  if (!isTime(startedAt, Number.MAX_SAFE_INTEGER) || !isTime(durationMs, LONGEST_MS)) return undefined;
  if (!Array.isArray(parts) || parts.length > MOST_PARTS) return undefined;
  const sound = parts.map((part) => soundPart(part, durationMs));
  if (!sound.every((part) => part !== undefined)) return undefined;
  const spans = sound.reduce((sum, { busy, phases }) => sum + busy.length + phases.length, 0);
  if (spans > MOST_SPANS || new Set(sound.map(({ id }) => id)).size < sound.length) return undefined;
  return { startedAt, durationMs, parts: sound };
}

function soundPart(value: unknown, endMs: number): TimedPart | undefined {
  if (!isObject(value)) return undefined;
  const { id, title, stage, sameAs, needs, busy, phases } = value;
  const kind = KINDS.find((one) => one === value['kind']);
  const outcome = OUTCOMES.find((one) => one === value['outcome']);
  if (!isText(id) || !isText(title) || kind === undefined) return undefined;
  if (![stage, sameAs].every((text) => text === undefined || isText(text))) return undefined;
  if (value['outcome'] !== undefined && outcome === undefined) return undefined;
  if (!Array.isArray(needs) || needs.length > MOST_PARTS || !needs.every(isText)) return undefined;
  const times = spansOf(busy, endMs);
  const named = spansOf(phases, endMs)?.map((span, at) => {
    const phase = PHASES.find((one) => one === (phases as { phase?: unknown }[])[at]!.phase);
    return phase === undefined ? undefined : { phase, ...span };
  });
  if (times === undefined || !named?.every((span) => span !== undefined)) return undefined;
  return {
    ...{ id, kind, title },
    ...(stage === undefined ? {} : { stage: stage as string }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(sameAs === undefined ? {} : { sameAs: sameAs as string }),
    needs,
    busy: times,
    phases: named,
  };
}

function spansOf(value: unknown, endMs: number): TimeSpan[] | undefined {
  if (!Array.isArray(value) || value.length > MOST_SPANS) return undefined;
  const spans: TimeSpan[] = [];
  for (const one of value as unknown[]) {
    if (!isObject(one) || !isTime(one['startMs'], endMs) || !isTime(one['endMs'], endMs)) return undefined;
    if (one['startMs'] > one['endMs']) return undefined;
    spans.push({ startMs: one['startMs'], endMs: one['endMs'] });
  }
  return spans;
}

function isTime(value: unknown, most: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= most;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MOST_TEXT;
}
