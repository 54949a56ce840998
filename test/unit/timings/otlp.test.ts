import { describe, expect, test } from 'vitest';
import { type OtlpSettings, otlpSettings } from '../../../src/timings/otlp-environment.ts';
import { otlpRequest } from '../../../src/timings/otlp-spans.ts';
import { part, sample, timingsOf } from './parts.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

function settings(env: NodeJS.ProcessEnv): OtlpSettings {
  const found = otlpSettings(env);
  if (found === undefined || typeof found === 'string') throw new Error(`no settings: ${found}`);
  return found;
}

describe('the environment of OpenTelemetry', () => {
  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, 'http://c:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/otlp/' }, 'https://c/otlp/v1/traces'],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/x', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://d' },
      'http://c/x',
    ],
    [{ TRACEPARENT: `00-${TRACE}-${PARENT}-01` }, 'http://localhost:4318/v1/traces'],
  ])('names the endpoint: %j', (env, endpoint) => {
    expect(settings(env).endpoint.href).toBe(endpoint);
  });

  test.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_SDK_DISABLED: 'true' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', TRACEPARENT: `00-${TRACE}-${PARENT}-00` },
  ])('asks for no spans: %j', (env) => {
    expect(otlpSettings(env)).toBeUndefined();
  });

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }, /not a URL/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /over HTTP only/],
  ])('says what is wrong: %j', (env, why) => {
    expect(otlpSettings(env)).toMatch(why);
  });

  test('has headers, attributes, compression and a bounded time', () => {
    const found = settings({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x, a = 1 ,nonsense',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
      OTEL_EXPORTER_OTLP_TIMEOUT: '99999999',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=x,team=web',
      OTEL_SERVICE_NAME: 'ci',
    });
    expect(found).toMatchObject({
      headers: { authorization: 'Bearer x', a: '2' },
      timeoutMs: 10_000,
      isCompressed: true,
      resource: { 'service.name': 'ci', team: 'web' },
    });
    expect(settings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' }).timeoutMs).toBe(1000);
  });

  test.each([
    '',
    'x',
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}`,
  ])('starts a trace of its own for the TRACEPARENT "%s"', (TRACEPARENT) => {
    expect(settings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', TRACEPARENT }).parent).toBeUndefined();
  });
});

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code: number; message?: string };
}

function spansOf(request: object): Span[] {
  const { resourceSpans } = request as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
  return resourceSpans[0]!.scopeSpans[0]!.spans;
}

describe('the spans of a build', () => {
  const parent = { traceId: TRACE, spanId: PARENT };

  test('are a tree below the given parent', () => {
    const spans = spansOf(otlpRequest(sample(), {}, { parent, resource: {} }, '1.0.0'));
    const [root] = spans;
    expect(root).toMatchObject({ name: 'jettison build', parentSpanId: PARENT });
    expect(root?.startTimeUnixNano).toBe('1700000000000000000');
    expect(root?.endTimeUnixNano).toBe('1700000010000000000');
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    const run = spans.find(({ name }) => name === '[a 2/3] RUN npm ci')!;
    expect(run.parentSpanId).toBe(root?.spanId);
    expect(
      spans
        .filter(({ parentSpanId }) => parentSpanId === run.spanId)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['materialise', 'pack', 'run', 'scan', 'start']);
    for (const { traceId, spanId } of spans) {
      expect(traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(spanId).toMatch(/^[0-9a-f]{16}$/);
    }
  });

  test('say that the build, and which step, has failed', () => {
    const failed = { ...part('a/1', [[0, 10]]), outcome: 'failed' as const };
    const facts = { error: 'RUN x failed' };
    const spans = spansOf(otlpRequest(timingsOf([failed]), facts, { resource: {} }, '1.0.0'));
    expect(spans.map(({ status }) => status)).toEqual([{ code: 2, message: 'RUN x failed' }, { code: 2 }]);
    expect(spans[0]).not.toHaveProperty('parentSpanId');
  });

  test('are bounded, and the longest phases are kept', () => {
    const parts = Array.from({ length: 1500 }, (_, i) => ({
      ...part(`a/${i}`, [[i, i + 1]]),
      phases: [{ phase: 'run' as const, startMs: i, endMs: i + 1 + (i === 7 ? 5 : 0) }],
    }));
    const spans = spansOf(otlpRequest(timingsOf(parts), {}, { resource: {} }, '1.0.0'));
    expect(spans).toHaveLength(2000);
    const seventh = spans.find(({ name }) => name === 'a/7');
    expect(spans.filter(({ parentSpanId }) => parentSpanId === seventh?.spanId)).toHaveLength(1);
  });
});
