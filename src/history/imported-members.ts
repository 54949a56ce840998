import { JettisonError } from '../errors/error.ts';

/** No text of a file that is imported is longer. */
const MOST_TEXT = 64 * 1024;

/** Members of a file that anybody may have written: each is of its type, whatever stands there. */
export function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('a part of it is missing');
  return value as Record<string, unknown>;
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MOST_TEXT) : '';
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.slice(0, 1000).map(text) : [];
}

export function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
}

export function invalid(reason: string, cause?: unknown): JettisonError {
  return new JettisonError('BUILD_FILE', `cannot import the build: ${reason}`, {
    hint: 'Give a file of `jettison builds export`.',
    ...(cause === undefined ? {} : { cause }),
  });
}
