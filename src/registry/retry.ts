import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError } from '../errors/error.ts';

/** A failure that a retry may avoid: a lost connection, 429, 5xx, damaged content. */
export class Transient extends Error {
  constructor(
    /** The error to throw after the last attempt. */
    readonly final: Error,
    /** How long the server asks to wait, in milliseconds. */
    readonly waitMs?: number,
  ) {
    super(final.message);
  }
}

export interface RetryPolicy {
  /** Number of attempts in all. */
  attempts: number;
  /** Wait before the second attempt, in milliseconds; doubles with each further one. */
  firstWaitMs: number;
  /** Longest wait, in milliseconds. If a server asks for a longer one, there is no retry. */
  maxWaitMs: number;
}

/** Timeouts, minimum rate and retries of requests to a registry. */
export interface Patience extends RetryPolicy {
  /** A connection without traffic for this long (milliseconds) counts as lost. */
  idleMs: number;
  /** Minimum rate of a body in bytes per second, averaged over `rateMs`. A slower transfer is aborted. 0: no minimum. */
  minRate: number;
  /** Milliseconds of waiting after which the rate is checked. */
  rateMs: number;
  /** `idleMs` while a registry stores received data, which may take long. */
  commitIdleMs: number;
}

export const DEFAULT_RETRY: Patience = {
  attempts: 6,
  firstWaitMs: 250,
  maxWaitMs: 60_000,
  idleMs: 60_000,
  commitIdleMs: 300_000,
  minRate: 1000,
  rateMs: 60_000,
};

/**
 * Parses `JETTISON_MIN_RATE=BYTES[/SECONDS]`: bytes per second, and the seconds over which they are averaged.
 *
 * @throws JettisonError `RATE_INVALID`
 */
export function minimumRate(env: NodeJS.ProcessEnv): Partial<Pick<Patience, 'minRate' | 'rateMs'>> {
  const setting = env['JETTISON_MIN_RATE'];
  if (!setting) return {};
  const [, rate, over] = /^(\d+)(?:\/(\d+(?:\.\d+)?))?$/.exec(setting) ?? [];
  if (rate === undefined || Number(over) === 0) {
    throw new JettisonError('RATE_INVALID', `invalid JETTISON_MIN_RATE "${setting}"`, {
      hint: 'Write bytes per second, or BYTES/SECONDS to set the seconds of the average: 1000/60. 0 turns it off.',
    });
  }
  return { minRate: Number(rate), ...(over !== undefined && { rateMs: Number(over) * 1000 }) };
}

/** Statuses of servers that are busy or starting: the same request may be answered a little later. */
export const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

const CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
]);

/** Whether another connection may avoid an error of Node's network layer. */
export function isConnectionError(error: unknown): error is NodeJS.ErrnoException {
  if (error instanceof AggregateError) return error.errors.some(isConnectionError);
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  // HPE_*: the response is not HTTP, which a damaged connection can cause.
  return typeof code === 'string' && (CODES.has(code) || code.startsWith('HPE_'));
}

/**
 * Repeats an attempt while it throws `Transient`, with exponential, randomised waits, or as long as the server asks.
 *
 * @param attempt gets the number of the attempt, from 0
 * @throws the `final` error of the last `Transient`, or the signal's reason
 */
export async function retrying<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: (number: number) => Promise<T>,
): Promise<T> {
  for (let number = 0; ; number++) {
    signal?.throwIfAborted();
    try {
      return await attempt(number);
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      if (number + 1 >= policy.attempts || (error.waitMs ?? 0) > policy.maxWaitMs) throw error.final;
      await pause(policy, number, signal, error.waitMs);
    }
  }
}

/** Waits before attempt number `number + 1`. */
export async function pause(
  policy: RetryPolicy,
  number: number,
  signal: AbortSignal | undefined,
  waitMs?: number,
): Promise<void> {
  const backoff = Math.min(policy.firstWaitMs * 2 ** number, policy.maxWaitMs) * (0.75 + Math.random() / 2);
  await sleep(Math.max(waitMs ?? 0, backoff), undefined, signal === undefined ? {} : { signal });
}

/** The wait that a `Retry-After` header asks for (seconds or a date), in milliseconds. */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
