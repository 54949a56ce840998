import type { BuildTimings, TimedPart, TimeSpan } from '../events/timings.ts';
import { criticalPath } from './critical-path.ts';

/** An event of the Trace Event Format; times are microseconds. */
interface TraceEvent {
  name: string;
  /** `X`: something with a duration; `M`: the name of a process or thread. */
  ph: 'X' | 'M';
  pid: 1;
  tid: number;
  ts?: number;
  dur?: number;
  cat?: string;
  args?: Record<string, unknown>;
}

/**
 * The timings as a trace for Perfetto and chrome://tracing: a thread a stage, a slice a step, its phases below it. What
 * goes on at the same time in one stage, such as the packing of its layers, is on further threads of it.
 */
export function chromeTrace(timings: BuildTimings): string {
  const events: TraceEvent[] = [
    { name: 'process_name', ph: 'M', pid: 1, tid: 0, args: { name: 'jettison build' } },
  ];
  const critical = new Set(criticalPath(timings).map(({ part }) => part.id));
  const threads = new Threads(events);
  for (const part of timings.parts) {
    if (part.sameAs !== undefined) continue;
    const inside = part.phases.filter((phase) => part.busy.some((span) => overlap(span, phase)));
    for (const span of part.busy) {
      const tid = threads.take(groupOf(part), span);
      const args = {
        id: part.id,
        ...(part.outcome && { outcome: part.outcome }),
        critical: critical.has(part.id),
      };
      events.push(slice(part.title, part.kind, tid, span, args));
      for (const phase of inside.filter((one) => overlap(span, one))) {
        events.push(slice(phase.phase, 'phase', tid, phase));
      }
    }
    for (const phase of part.phases.filter((one) => !inside.includes(one))) {
      const tid = threads.take(groupOf(part), phase);
      events.push(slice(`${phase.phase} ${part.title}`, 'phase', tid, phase, { id: part.id }));
    }
  }
  const otherData = { startedAt: new Date(timings.startedAt).toISOString() };
  return `${JSON.stringify({ traceEvents: events, displayTimeUnit: 'ms', otherData })}\n`;
}

/** Threads by name: a slice is put on the first one of its name that is free. */
class Threads {
  readonly #groups = new Map<string, { tid: number; freeAt: number }[]>();
  #count = 0;

  constructor(private readonly events: TraceEvent[]) {}

  take(group: string, { startMs, endMs }: TimeSpan): number {
    let threads = this.#groups.get(group);
    if (threads === undefined) {
      threads = [];
      this.#groups.set(group, threads);
    }
    let thread = threads.find(({ freeAt }) => freeAt <= startMs);
    if (thread === undefined) {
      thread = { tid: ++this.#count, freeAt: 0 };
      threads.push(thread);
      this.events.push({ name: 'thread_name', ph: 'M', pid: 1, tid: thread.tid, args: { name: group } });
    }
    thread.freeAt = endMs;
    return thread.tid;
  }
}

function groupOf({ kind, stage, title }: TimedPart): string {
  if (kind === 'step') return stage || title;
  return kind === 'plan' ? 'plan' : 'image';
}

function slice(
  name: string,
  cat: string,
  tid: number,
  span: TimeSpan,
  args?: Record<string, unknown>,
): TraceEvent {
  const { startMs, endMs } = span;
  return {
    name,
    cat,
    ph: 'X',
    pid: 1,
    tid,
    ts: startMs * 1000,
    dur: (endMs - startMs) * 1000,
    ...(args && { args }),
  };
}

function overlap(a: TimeSpan, b: TimeSpan): boolean {
  return a.startMs <= b.startMs && b.endMs <= a.endMs;
}
