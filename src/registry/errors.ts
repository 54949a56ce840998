import { JettisonError } from '../errors/error.ts';
import type { Credentials } from './credentials.ts';
import { type HttpResponse, readBody } from './http.ts';
import { isConnectionError, Transient } from './retry.ts';

/** The subject of a request, for messages. */
export interface Subject {
  registry: string;
  repository: string;
  /** The action, e.g. `read docker.io/library/node:20`. */
  action: string;
}

const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_|HOSTNAME_MISMATCH|EPROTO)/;

/**
 * What to throw for a request that ended with an error: one that has had no answer becomes the caller's own, to be sent
 * again where that may help. Others stay as they are.
 */
export function withoutAnswer(error: unknown, final: (reason: string) => Error): unknown {
  if (isConnectionError(error)) return new Transient(final(error.message));
  return isUnreachable(error) ? final(error.message) : error;
}

/** Whether no connection was made: the host is not known or not reachable, or its certificate is not accepted. */
function isUnreachable(error: unknown): error is NodeJS.ErrnoException {
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code = '' } = (inner ?? {}) as NodeJS.ErrnoException;
  return UNREACHABLE[code] !== undefined || TLS_CODES.test(code);
}

/** The error for a request that got no answer. */
export function networkError(cause: unknown, url: URL, subject: Subject): Error {
  if (cause instanceof JettisonError || isAbort(cause)) return cause as Error;
  const inner = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  const code = (inner as NodeJS.ErrnoException | undefined)?.code ?? '';
  const to = `cannot ${subject.action}`;
  if (TLS_CODES.test(code)) {
    return new JettisonError(
      'REGISTRY_TLS',
      `${to}: no secure connection to ${url.host} (${tlsReason(code)})`,
      {
        hint:
          TLS_HINT[code] ??
          'If the certificate is from an authority of your own, set NODE_EXTRA_CA_CERTS; if the registry has no valid certificate, use --registry-insecure.',
        cause,
        details: { host: url.host, reason: code },
      },
    );
  }
  const known = UNREACHABLE[code];
  if (known === undefined && !isConnectionError(cause)) return cause as Error;
  const [reason, hint] = known ?? [
    'the connection was lost',
    'Try again; if it keeps failing, check the network between here and the registry.',
  ];
  return new JettisonError('REGISTRY_UNREACHABLE', `${to}: ${reason.replace('HOST', url.host)}`, {
    hint,
    cause,
    details: { host: url.host, reason: code },
  });
}

const TLS_HINT: Record<string, string> = {
  EPROTO: 'The registry seems to speak plain http: use --registry-insecure if that is intended.',
  CERT_HAS_EXPIRED: "The registry's certificate must be renewed; also check this machine's clock.",
};

function tlsReason(code: string): string {
  return code === 'EPROTO' ? 'its answer is not TLS' : code.toLowerCase().replaceAll('_', ' ');
}

const OFFLINE =
  'Check the network connection, and the proxy settings (HTTPS_PROXY, NO_PROXY) where there is a proxy.';

const UNREACHABLE: Record<string, [reason: string, hint: string]> = {
  ENOTFOUND: ['the host HOST is not known', `Check the spelling of the name. ${OFFLINE}`],
  EAI_AGAIN: ['the name HOST could not be looked up', OFFLINE],
  ECONNREFUSED: ['nothing listens at HOST', 'Check that the registry runs, and its port.'],
  ENETUNREACH: ['there is no route to HOST', OFFLINE],
  EHOSTUNREACH: ['there is no route to HOST', OFFLINE],
  ETIMEDOUT: ['HOST does not answer', OFFLINE],
};

/** Whether an error is the caller's abort (AbortSignal). */
function isAbort(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'AbortError';
}

/** The error for an unexpected status. Reads the response's body. */
export async function responseError(
  response: HttpResponse,
  subject: Subject,
  credentials: Credentials | undefined,
  problems: readonly string[] = [],
): Promise<JettisonError> {
  const { status, url } = response;
  const { code, message } = await errorOf(response);
  const said = message === '' ? '' : `: ${message}`;
  const details = { host: url.host, status, ...(code === '' ? {} : { reason: code }) };
  if (status === 401 || (status === 403 && code !== 'TOOMANYREQUESTS')) {
    return accessError(subject, status, said, credentials, problems, details);
  }
  if (status === 429 || code === 'TOOMANYREQUESTS') {
    return new JettisonError(
      'REGISTRY_RATE_LIMITED',
      `cannot ${subject.action}: ${url.host} limits the rate of requests${said}`,
      {
        hint:
          credentials === undefined
            ? `Log in for a higher limit (jettison login${loginName(subject.registry)}), or try later.`
            : 'Try again later.',
        details,
      },
    );
  }
  if (status === 404) {
    return new JettisonError('REGISTRY_NOT_FOUND', `cannot ${subject.action}: it does not exist${said}`, {
      hint: 'Check the name.',
      details,
    });
  }
  if (status === 413) {
    return new JettisonError(
      'REGISTRY_ERROR',
      `cannot ${subject.action}: ${url.host} refuses the size${said}`,
      {
        hint: 'Raise the size limit of the registry or its proxy, or make the layer smaller.',
        details,
      },
    );
  }
  return new JettisonError(
    'REGISTRY_ERROR',
    `cannot ${subject.action}: ${url.host} answered ${status}${said}`,
    {
      hint:
        status >= 500
          ? 'The registry has an internal error: try again later.'
          : 'The registry rejects this request: see its message.',
      details,
    },
  );
}

/** Registries hide private repositories: without access, "denied" and "not found" look the same. */
function accessError(
  { registry, repository, action }: Subject,
  status: number,
  said: string,
  credentials: Credentials | undefined,
  problems: readonly string[],
  details: Record<string, unknown>,
): JettisonError {
  const login = `jettison login${loginName(registry)}`;
  const name = repository === '' ? registry : `${registry}/${repository}`;
  const code = status === 401 ? 'REGISTRY_UNAUTHORIZED' : 'REGISTRY_DENIED';
  const trouble =
    problems.length === 0 ? '' : ` (Stored credentials could not be read: ${problems.join('; ')}.)`;
  if (credentials === undefined) {
    const reason =
      repository === '' ? 'the registry requires a login' : `${name} does not exist or requires a login`;
    return new JettisonError(code, `cannot ${action}: ${reason}${said}`, {
      hint: `Check the name, or log in: ${login}.${trouble}`,
      details,
    });
  }
  return new JettisonError(
    code,
    `cannot ${action}: ${name} does not exist or the credentials from ${credentials.origin} do not allow it${said}`,
    { hint: `Check the name, ask for access to it, or log in as someone else: ${login}.${trouble}`, details },
  );
}

function loginName(registry: string): string {
  return registry === 'docker.io' ? '' : ` ${registry}`;
}

/** The registry's own error message, in one clean line. */
async function errorOf(response: HttpResponse): Promise<{ code: string; message: string }> {
  let text = '';
  try {
    text = (await readBody(response, 64 << 10)).toString('utf8');
  } catch {
    // The status is enough.
  }
  try {
    const body = JSON.parse(text) as {
      errors?: { code?: unknown; message?: unknown }[];
      details?: unknown;
      error_description?: unknown;
    };
    const first = body.errors?.[0];
    return {
      code: printable(first?.code),
      message: printable(first?.message) || printable(body.error_description) || printable(body.details),
    };
  } catch {
    // HTML of proxies does not fit in one line.
    return { code: '', message: /^\s*</.test(text) ? '' : printable(text) };
  }
}

/** A string from outside, safe to show: no control characters, one line, not long. */
function printable(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 300);
}
