import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError } from '../errors/error.ts';

/** A failure that may be gone when the same is tried again: a lost connection, 429, 5xx, damaged content. */
export class Transient extends Error {
  constructor(
    /** What to throw when there is no further try. */
    readonly final: Error,
    /** How long the server asks to wait, in milliseconds. */
    readonly waitMs?: number,
  ) {
    super(final.message);
  }
}

export interface RetryPolicy {
  /** How often something is tried in all. */
  attempts: number;
  /** Wait before the second try, in milliseconds; it doubles from there. */
  firstWaitMs: number;
  /** Longest wait, in milliseconds. A server that asks for more is not waited for. */
  maxWaitMs: number;
}

/** How long to try and to wait with a registry. */
export interface Patience extends RetryPolicy {
  /** A connection on which nothing moves for so long (milliseconds) counts as lost. */
  idleMs: number;
  /** A body that comes slower, on the average of `rateMs` or more of waiting, is given up: bytes a second. 0: never. */
  minRate: number;
  /** Milliseconds of waiting after which the rate counts. */
  rateMs: number;
  /** The same while a registry stores what it has received, which may take long. */
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
 * What `JETTISON_MIN_RATE` says: bytes a second, and after a slash the seconds over which they count.
 *
 * @throws JettisonError `RATE_INVALID`
 */
export function minimumRate(env: NodeJS.ProcessEnv): Partial<Pick<Patience, 'minRate' | 'rateMs'>> {
  const setting = env['JETTISON_MIN_RATE'];
  if (!setting) return {};
  const [, rate, over] = /^(\d+)(?:\/(\d+(?:\.\d+)?))?$/.exec(setting) ?? [];
  if (rate === undefined || Number(over) === 0) {
    throw new JettisonError('RATE_INVALID', `invalid JETTISON_MIN_RATE "${setting}"`, {
      hint: 'Write bytes a second, or BYTES/SECONDS for the average of some seconds: 1000/60; 0 turns it off.',
    });
  }
  return { minRate: Number(rate), ...(over !== undefined && { rateMs: Number(over) * 1000 }) };
}

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

/** Whether an error of Node's network layer may be gone with another connection. */
export function isConnectionError(error: unknown): error is NodeJS.ErrnoException {
  if (error instanceof AggregateError) return error.errors.some(isConnectionError);
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  // HPE_*: the answer is not HTTP, which a cut or damaged connection can cause.
  return typeof code === 'string' && (CODES.has(code) || code.startsWith('HPE_'));
}

/**
 * Runs something until it does not throw `Transient`, waiting longer each time (with some chance in it, so
 * that several clients do not come back at once), or as long as the server asks.
 *
 * @param attempt gets the number of the try, from 0
 * @throws the `final` error of the last `Transient`, or what the signal was aborted with
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

/** Waits before try number `number + 1`. */
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
