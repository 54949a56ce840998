import { randomBytes } from 'node:crypto';
import type { BuildTimings, TimedPart, TimeSpan } from '../events/timings.ts';
import { criticalPath } from './critical-path.ts';
import type { OtlpSettings } from './otlp-environment.ts';

/** The facts of a build besides its times. */
export interface BuildFacts {
  target?: string;
  dockerfile?: string;
  /** Digest of the manifest. */
  digest?: string;
  /** Why it failed. */
  error?: string;
}

/** More spans than this are not sent: the shortest phases are left out. */
const MAX_SPANS = 2000;

const INTERNAL = 1;
const ERROR = 2;

/**
 * The spans of a build as the body of an OTLP/HTTP request in JSON: the build, its steps and exports below it, their
 * phases below these.
 *
 * @param bytes random ones, for ids
 */
export function otlpRequest(
  timings: BuildTimings,
  facts: BuildFacts,
  { parent, resource }: Pick<OtlpSettings, 'parent' | 'resource'>,
  version: string,
  bytes: (count: number) => Buffer = randomBytes,
): object {
  const id = (count: number) => bytes(count).toString('hex');
  const traceId = parent?.traceId ?? id(16);
  const make = (above: string | undefined, name: string, time: TimeSpan, more: object) => ({
    traceId,
    spanId: id(8),
    ...(above !== undefined && { parentSpanId: above }),
    ...(parent?.state !== undefined && { traceState: parent.state }),
    ...{ name, kind: INTERNAL },
    startTimeUnixNano: nanoseconds(timings.startedAt + time.startMs),
    endTimeUnixNano: nanoseconds(timings.startedAt + time.endMs),
    ...more,
  });
  const whole = { startMs: 0, endMs: timings.durationMs };
  const root = make(parent?.spanId, 'jettison build', whole, {
    attributes: attributes({
      'jettison.dockerfile': facts.dockerfile,
      'jettison.target': facts.target,
      'oci.manifest.digest': facts.digest,
    }),
    ...(facts.error !== undefined && { status: { code: ERROR, message: facts.error } }),
  });
  const critical = new Set(criticalPath(timings).map(({ part }) => part.id));
  const parts = timings.parts.filter(({ sameAs }) => sameAs === undefined).slice(0, MAX_SPANS - 1);
  const steps = parts.map((part) => ({
    part,
    span: make(root.spanId, part.title, extent(part), {
      attributes: attributes({
        'jettison.kind': part.kind,
        'jettison.step': part.kind === 'step' ? part.id : undefined,
        'jettison.stage': part.stage || undefined,
        'jettison.outcome': part.outcome,
        'jettison.critical_path': critical.has(part.id),
      }),
      ...(part.outcome === 'failed' && { status: { code: ERROR } }),
    }),
  }));
  const phases = steps
    .flatMap(({ part, span }) => part.phases.map((phase) => ({ phase, above: span.spanId })))
    .sort((a, b) => length(b.phase) - length(a.phase))
    .slice(0, Math.max(0, MAX_SPANS - 1 - steps.length))
    .map(({ phase, above }) => make(above, phase.phase, phase, {}));
  const about = {
    'service.version': version,
    'telemetry.sdk.name': 'jettison',
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.version': version,
    ...resource,
  };
  const spans = [root, ...steps.map(({ span }) => span), ...phases];
  const scopeSpans = [{ scope: { name: 'jettison', version }, spans }];
  return { resourceSpans: [{ resource: { attributes: attributes(about) }, scopeSpans }] };
}

/** From its first work or phase to the last. */
function extent({ busy, phases }: TimedPart): TimeSpan {
  const spans = [...busy, ...phases];
  if (spans.length === 0) return { startMs: 0, endMs: 0 };
  return {
    startMs: Math.min(...spans.map(({ startMs }) => startMs)),
    endMs: Math.max(...spans.map(({ endMs }) => endMs)),
  };
}

function length({ startMs, endMs }: TimeSpan): number {
  return endMs - startMs;
}

/** Numbers of 64 bits are strings in this JSON. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms)}000000`;
}

function attributes(values: Record<string, string | boolean | undefined>): object[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({
      key,
      value: typeof value === 'boolean' ? { boolValue: value } : { stringValue: value },
    }));
}
