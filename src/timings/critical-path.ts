import type { BuildTimings, TimedPart, TimeSpan } from '../events/timings.ts';
import { totalOf } from './part-times.ts';

/** What begins this little (milliseconds) before something else ends can have waited for it: clocks tick. */
const SLACK_MS = 5;

/** A stretch of work on the critical path. */
export interface PathSpan extends TimeSpan {
  part: TimedPart;
}

/** How the work of a build was spread over its time. */
export interface Parallelism {
  /** Milliseconds of work of all parts, each work once. */
  workMs: number;
  /** Work by time, on average. */
  average: number;
}

/**
 * The stretches of work that decided how long the build took, first to last: each begins where the last one ends that it
 * had to wait for. A quicker part outside of it makes no build quicker.
 */
export function criticalPath({ parts }: BuildTimings): PathSpan[] {
  const byId = new Map(parts.map((part) => [part.id, part]));
  const work = parts.filter(({ sameAs }) => sameAs === undefined).flatMap(spansOf);
  const path: PathSpan[] = [];
  let at = lastOf(work);
  while (at !== undefined) {
    path.unshift(at);
    const { startMs } = at;
    at = lastOf(
      causesOf(at.part, byId, work).filter(
        (span) => span.startMs < startMs && span.endMs <= startMs + SLACK_MS,
      ),
    );
  }
  return path;
}

export function parallelism({ parts, durationMs }: BuildTimings): Parallelism {
  const work = parts.filter(({ sameAs }) => sameAs === undefined).flatMap(spansOf);
  const workMs = totalOf(work);
  return { workMs, average: durationMs === 0 ? 1 : workMs / durationMs };
}

/** The work that a part may have waited for. */
function causesOf(
  part: TimedPart,
  byId: ReadonlyMap<string, TimedPart>,
  work: readonly PathSpan[],
): PathSpan[] {
  if (part.kind !== 'step') return work.filter((span) => span.part !== part);
  const needed = part.needs.flatMap((id) => {
    const one = byId.get(id);
    const same = one?.sameAs === undefined ? one : byId.get(one.sameAs);
    return same === undefined ? [] : spansOf(same);
  });
  // A base image is fetched and unpacked when a step asks for it.
  const asking =
    part.needs.length > 0 ? [] : work.filter((span) => span.part.stage === part.stage && span.part !== part);
  return [...needed, ...asking, ...spansOf(part), ...work.filter((span) => span.part.kind === 'plan')];
}

function spansOf(part: TimedPart): PathSpan[] {
  return part.busy.map((span) => ({ ...span, part }));
}

/** The one that ends last; of those the longest. */
function lastOf(spans: readonly PathSpan[]): PathSpan | undefined {
  let last: PathSpan | undefined;
  for (const span of spans) {
    if (
      last === undefined ||
      span.endMs > last.endMs ||
      (span.endMs === last.endMs && span.startMs < last.startMs)
    )
      last = span;
  }
  return last;
}
