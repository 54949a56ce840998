import { withoutCredentials } from '../errors/safe-text.ts';
import type { BuildEvent, StepInfo, StepOutcome } from './event.ts';
import type { Phase, PhaseSpan } from './phase.ts';
import type { BuildTimings, TimedPart, TimeSpan } from './timings.ts';
import type { TransferProgress } from './transfer.ts';

/** Of phases that go on at the same time the first of these is told. */
const PRECEDENCE: readonly Phase[] = [
  ...(['fetch', 'unpack', 'queue', 'lookup', 'materialise', 'scan', 'start', 'run', 'push', 'pack'] as const),
];

/** Stretches with less than this (milliseconds) between them are one. */
const GAP_MS = 1;

type Event<T extends BuildEvent['type']> = Extract<BuildEvent, { type: T }>;

interface Part {
  id: string;
  kind: TimedPart['kind'];
  title: string;
  info?: StepInfo;
  outcome?: StepOutcome;
  /** Since when it is worked on, if it is. */
  since: number | undefined;
  busy: TimeSpan[];
  spans: PhaseSpan[];
  /** What is on its way for it. */
  moving: Map<string, { state: TransferProgress['state']; since: number }>;
}

/** Finds out from a build's events where its time went. */
export class TimingsRecorder {
  #startedAt = 0;
  #endedAt = 0;
  readonly #parts = new Map<string, Part>();
  /** Steps by the layers that they gave, and layers by their blobs. */
  readonly #makers = new Map<string, Part>();
  readonly #layerOfBlob = new Map<string, string>();

  apply(event: BuildEvent): void {
    this.#endedAt = event.time;
    switch (event.type) {
      case 'build.started':
        this.#startedAt = event.time;
        this.#part('plan', 'plan', 'read and plan').since = event.time;
        break;
      case 'build.planned':
        close(this.#parts.get('plan'), event.time);
        for (const info of event.steps) this.#part(info.id, 'step', titleOf(info)).info = info;
        break;
      case 'step.phase':
        this.#part(event.step, 'step', event.step).spans.push(event);
        break;
      case 'step.started':
        this.#part(event.step, 'step', event.step).since ??= event.time;
        break;
      case 'step.finished':
        this.#finish(event);
        break;
      case 'export.started': {
        const kind = event.import ? 'import' : 'export';
        this.#part(`${kind} ${event.what}`, kind, `${kind}ing ${event.what}`).since ??= event.time;
        break;
      }
      case 'export.finished':
        close(this.#exported(event.what), event.time);
        break;
      case 'export.layer':
        if (event.layer === undefined) break;
        this.#layerOfBlob.set(event.blob ?? event.diffId, event.layer);
        this.#makers.get(event.layer)?.spans.push({
          ...{ phase: 'pack', startedAt: event.time - event.durationMs, durationMs: event.durationMs },
        });
        break;
      case 'transfer':
        this.#move(event);
        break;
    }
  }

  /** Of the events so far; what goes on is told up to the last of them. */
  timings(): BuildTimings {
    const parts = [...this.#parts.values()].map((part) => this.#timed(part));
    const bases = new Map<string, string>();
    for (const part of parts) {
      const { info, busy } = this.#parts.get(part.id)!;
      if (info === undefined || info.needs !== undefined || busy.length === 0) continue;
      const work = JSON.stringify([info.title, busy]);
      const first = bases.get(work);
      if (first === undefined) bases.set(work, part.id);
      else part.sameAs = first;
    }
    return { startedAt: this.#startedAt, durationMs: this.#endedAt - this.#startedAt, parts };
  }

  #part(id: string, kind: Part['kind'], title: string): Part {
    let part = this.#parts.get(id);
    if (part === undefined) {
      part = { id, kind, title, since: undefined, busy: [], spans: [], moving: new Map() };
      this.#parts.set(id, part);
    }
    return part;
  }

  #exported(what: string): Part | undefined {
    const named = [this.#parts.get(`export ${what}`), this.#parts.get(`import ${what}`)];
    return named.find((part) => part?.since !== undefined) ?? named.find((part) => part !== undefined);
  }

  #finish({ step, outcome, layer, time }: Event<'step.finished'>): void {
    const part = this.#part(step, 'step', step);
    part.outcome = outcome;
    close(part, time);
    if (layer !== undefined && !this.#makers.has(layer)) this.#makers.set(layer, part);
  }

  /** Bytes on their way are a phase of the step or export that wants them, and of the step whose layer they are. */
  #move({ of, item, state, direction, time }: Event<'transfer'>): void {
    const part = this.#parts.get(of) ?? this.#exported(of);
    if (part === undefined) return;
    const before = part.moving.get(item);
    if (before?.state === state) return;
    part.moving.set(item, { state, since: time });
    const phase =
      before?.state === 'unpacking' ? 'unpack' : before?.state === 'moving' ? PHASE_OF[direction] : undefined;
    if (before === undefined || phase === undefined) return;
    const span = { phase, startedAt: before.since, durationMs: time - before.since };
    part.spans.push(span);
    const layer = this.#layerOfBlob.get(item);
    if (phase === 'push' && layer !== undefined) this.#makers.get(layer)?.spans.push(span);
  }

  #timed({ id, kind, title, info, outcome, busy, since, spans }: Part): TimedPart {
    const told = spans.map(({ phase, startedAt, durationMs }) => ({
      ...{ phase, startMs: startedAt, endMs: startedAt + durationMs },
    }));
    const isLater = ({ phase }: { phase: Phase }) =>
      kind === 'step' && (phase === 'pack' || phase === 'push');
    const own = exclusive(told.filter((span) => !isLater(span)));
    const later = [...exclusive(told.filter(isLater))];
    const waited = own.filter(({ phase }) => phase === 'queue');
    const open = since === undefined ? [] : [{ startMs: since, endMs: this.#endedAt }];
    const worked = union([...busy, ...open, ...own.filter(({ phase }) => phase !== 'queue')]);
    const phases = [...own, ...later].filter(({ startMs, endMs }) => endMs - startMs >= 1);
    return {
      ...{ id, kind, title },
      ...(info === undefined ? {} : { stage: info.stage }),
      ...(outcome === undefined ? {} : { outcome }),
      needs: kind === 'plan' ? [] : (info?.needs ?? []),
      busy: without(worked, waited).map((span) => this.#sinceStart(span)),
      phases: phases.map((span) => this.#sinceStart(span)),
    };
  }

  #sinceStart<T extends TimeSpan>(span: T): T {
    const from = (ms: number) => Math.max(0, ms - this.#startedAt);
    return { ...span, startMs: from(span.startMs), endMs: from(span.endMs) };
  }
}

const PHASE_OF: Record<'in' | 'out', Phase> = { in: 'fetch', out: 'push' };

function titleOf({ stage, index, total, title }: StepInfo): string {
  return withoutCredentials(stage === '' ? title : `[${stage} ${index}/${total}] ${title}`);
}

function close(part: Part | undefined, time: number): void {
  if (part?.since === undefined) return;
  part.busy.push({ startMs: part.since, endMs: time });
  part.since = undefined;
}

/** The same time without overlaps, in order. */
function exclusive(spans: readonly ({ phase: Phase } & TimeSpan)[]): ({ phase: Phase } & TimeSpan)[] {
  const turns = spans
    .flatMap(({ phase, startMs, endMs }) => [
      { at: startMs, phase, by: 1 },
      { at: endMs, phase, by: -1 },
    ])
    .sort((a, b) => a.at - b.at);
  const open = new Map<Phase, number>();
  const result: ({ phase: Phase } & TimeSpan)[] = [];
  for (const [i, { at, phase, by }] of turns.entries()) {
    open.set(phase, (open.get(phase) ?? 0) + by);
    const endMs = turns[i + 1]?.at ?? at;
    const told = PRECEDENCE.find((one) => (open.get(one) ?? 0) > 0);
    if (told === undefined || endMs === at) continue;
    const last = result.at(-1);
    if (last?.phase === told && last.endMs === at) last.endMs = endMs;
    else result.push({ phase: told, startMs: at, endMs });
  }
  return result;
}

/** All of the time, in order, each moment once. */
function union(spans: readonly TimeSpan[]): TimeSpan[] {
  const result: TimeSpan[] = [];
  for (const { startMs, endMs } of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    const last = result.at(-1);
    if (last !== undefined && startMs - last.endMs <= GAP_MS) last.endMs = Math.max(last.endMs, endMs);
    else result.push({ startMs, endMs });
  }
  return result;
}

/** @param spans,holes in order, without overlaps of their own */
function without(spans: readonly TimeSpan[], holes: readonly TimeSpan[]): TimeSpan[] {
  return holes.reduce<TimeSpan[]>(
    (left, hole) =>
      left.flatMap(({ startMs, endMs }) => [
        ...(hole.startMs > startMs ? [{ startMs, endMs: Math.min(endMs, hole.startMs) }] : []),
        ...(hole.endMs < endMs ? [{ startMs: Math.max(startMs, hole.endMs), endMs }] : []),
      ]),
    [...spans],
  );
}
