import { parseDuration } from '../../dockerfile/duration.ts';
import { usageError } from '../../errors/error.ts';

const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i;

/** A size in bytes, with Docker's binary units: `512m` is 512 MiB. @throws JettisonError with exit code 2 */
export function bytes(text: string): number {
  const [, number, unit = ''] = SIZE.exec(text) ?? [];
  if (number === undefined) throw usageError(`invalid size "${text}"`, 'Write e.g. 512m or 2g.');
  return Math.floor(Number(number) * 1024 ** ' kmgt'.indexOf(unit.toLowerCase() || ' '));
}

/** A number above 0. @throws JettisonError with exit code 2 */
export function positive(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !(number > 0) || !Number.isFinite(number)) {
    throw usageError(`invalid number "${text}"`, 'Write a number above 0.');
  }
  return number;
}

/** A whole number of seconds. @throws JettisonError with exit code 2 */
export function seconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw usageError(`invalid number of seconds "${text}"`, 'Write a whole number.');
}

/** A line for /etc/hosts: `NAME:ADDRESS` or `NAME=ADDRESS`. @throws JettisonError with exit code 2 */
export function host(text: string): [string, string] {
  const [, name, address] = /^([^:=\s]+)[:=](\S+)$/.exec(text) ?? [];
  if (name === undefined || address === undefined) {
    throw usageError(`invalid host "${text}"`, 'Write --add-host NAME:ADDRESS.');
  }
  return [name, address.replace(/^\[(.*)\]$/, '$1')];
}

const ULIMITS =
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  );

/** `NAME=SOFT[:HARD]`, where -1 is no limit. @throws JettisonError with exit code 2 */
export function ulimit(text: string): { name: string; soft: number; hard: number } {
  const [, name = '', soft, hard = soft] = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text) ?? [];
  if (!ULIMITS.includes(name) || soft === undefined) {
    throw usageError(
      `invalid limit "${text}"`,
      `Write --ulimit NAME=SOFT[:HARD]; the names are ${ULIMITS.join(', ')}.`,
    );
  }
  const limit = { name, soft: Number(soft), hard: Number(hard) };
  if (limit.hard !== -1 && (limit.soft === -1 || limit.soft > limit.hard)) {
    throw usageError(`the soft limit of "${text}" is above the hard one`, 'Write --ulimit NAME=SOFT:HARD.');
  }
  return limit;
}

/** Parses a Go duration to milliseconds. @throws JettisonError with exit code 2 */
export function timeout(text: string): number {
  const nanoseconds = parseDuration(text) ?? 0;
  if (nanoseconds <= 0) throw usageError(`invalid duration "${text}"`, 'Write it like 90s or 10m.');
  return nanoseconds / 1e6;
}
