/** Where spans go, and what they are part of. */
export interface OtlpSettings {
  /** Of the traces. */
  endpoint: URL;
  /** Somebody has named the endpoint: that nothing can be sent there is worth a warning. */
  isNamed: boolean;
  headers: Record<string, string>;
  /** Milliseconds that sending may take. */
  timeoutMs: number;
  isCompressed: boolean;
  /** Path of a file with the authorities to trust. */
  certificate?: string;
  /** Attributes of the resource. */
  resource: Record<string, string>;
  /** The span that the build is a part of. */
  parent?: { traceId: string; spanId: string; state?: string };
}

/** What a build that is over may have to wait for a collector, if nothing else is asked for. */
const DEFAULT_TIMEOUT_MS = 1000;

/** The most that can be asked for. */
const MAX_TIMEOUT_MS = 10_000;

/** Where collectors listen for OTLP over HTTP. */
const DEFAULT_ENDPOINT = 'http://localhost:4318';

/** Whether the environment asks for spans at all. */
function asksForSpans(env: NodeJS.ProcessEnv): boolean {
  return Boolean(
    env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env['TRACEPARENT'],
  );
}

/**
 * Reads the environment variables of OpenTelemetry, and `TRACEPARENT` of W3C's Trace Context.
 *
 * @returns what to do; undefined where no spans are wanted; a sentence on why none can be sent
 */
export function otlpSettings(env: NodeJS.ProcessEnv): OtlpSettings | string | undefined {
  if (!asksForSpans(env) || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return undefined;
  const exporter = env['OTEL_TRACES_EXPORTER'] || 'otlp';
  if (!exporter.split(',').some((name) => name.trim() === 'otlp')) return undefined;
  const of = (name: string) =>
    env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`] || undefined;
  if (of('PROTOCOL') === 'grpc')
    return 'OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and spans are sent over HTTP only: set it to http/json';
  const parent = traceParent(env);
  // Whoever has started the trace has decided not to record it.
  if (parent === 'unsampled') return undefined;
  const named = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || undefined;
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || DEFAULT_ENDPOINT;
  const text = named ?? `${base.replace(/\/+$/, '')}/v1/traces`;
  const endpoint = URL.canParse(text) ? new URL(text) : undefined;
  if (endpoint === undefined || !/^https?:$/.test(endpoint.protocol))
    return `the endpoint "${text}" is not a URL of http or https`;
  const timeout = Number(of('TIMEOUT'));
  const certificate = of('CERTIFICATE');
  return {
    endpoint,
    isNamed: named !== undefined || Boolean(env['OTEL_EXPORTER_OTLP_ENDPOINT']),
    headers: {
      ...pairs(env['OTEL_EXPORTER_OTLP_HEADERS']),
      ...pairs(env['OTEL_EXPORTER_OTLP_TRACES_HEADERS']),
    },
    timeoutMs: timeout > 0 ? Math.min(timeout, MAX_TIMEOUT_MS) : DEFAULT_TIMEOUT_MS,
    isCompressed: of('COMPRESSION') === 'gzip',
    ...(certificate && { certificate }),
    resource: {
      'service.name': 'jettison',
      ...pairs(env['OTEL_RESOURCE_ATTRIBUTES']),
      ...(env['OTEL_SERVICE_NAME'] ? { 'service.name': env['OTEL_SERVICE_NAME'] } : {}),
    },
    ...(parent && { parent }),
  };
}

/** Reads `version-trace-parent-flags`; what is not one starts a trace of its own. */
function traceParent(env: NodeJS.ProcessEnv): OtlpSettings['parent'] | 'unsampled' {
  const text = env['TRACEPARENT']?.trim() ?? '';
  const found = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-|$)/.exec(
    text,
  );
  if (found === null) return undefined;
  const [, traceId, spanId, flags] = found as unknown as [string, string, string, string];
  if ((Number.parseInt(flags, 16) & 1) === 0) return 'unsampled';
  const state = env['TRACESTATE'];
  return { traceId, spanId, ...(state ? { state } : {}) };
}

/** `key=value,key=value`, each percent-encoded; what is not a pair is left out. */
function pairs(text = ''): Record<string, string> {
  const found = text.split(',').flatMap((pair) => {
    const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/s.exec(pair) ?? [];
    return key === undefined || value === undefined ? [] : [[decode(key), decode(value)] as const];
  });
  return Object.fromEntries(found);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
