import type { HttpAnswer, ProbeResult } from './probe-result.ts';

/** One respect in which two results differ. */
export interface Difference {
  /** Equal for the same respect of other results: `GET :3000/ body`. */
  subject: string;
  before: string;
  after: string;
  /** Whether the image behaves differently; a line that only one of them logs is a hint, no more. */
  isBehaviour: boolean;
}

/** Headers that differ from answer to answer, or that a copy of the same file changes. */
const VOLATILE_HEADERS = new Set(
  'age connection content-length date etag expires keep-alive last-modified server-timing set-cookie traceparent x-correlation-id x-request-id x-response-time x-runtime'.split(
    ' ',
  ),
);
/** Lines of a log that are listed. */
const MOST_LINES = 5;
const FAILURE = /\b(error|exception|fatal|panic|cannot|denied|not found|no such|EACCES|EROFS|ENOENT)\b/i;

/**
 * How an image behaves differently from another. Times, ports, and headers that differ between any two answers do not
 * count.
 *
 * @param again a second result of the first image: respects in which the two differ do not count either
 */
export function compareResults(before: ProbeResult, after: ProbeResult, again?: ProbeResult): Difference[] {
  const noise = new Set(again === undefined ? [] : compare(before, again).map(({ subject }) => subject));
  return compare(before, after).filter(({ subject }) => !noise.has(subject));
}

function compare(before: ProbeResult, after: ProbeResult): Difference[] {
  const differences: Difference[] = [];
  const add = (subject: string, one: string, other: string, isBehaviour = true) => {
    if (one !== other) differences.push({ subject, before: one, after: other, isBehaviour });
  };
  add('outcome', outcomeOf(before), outcomeOf(after));
  add('listening ports', portsOf(before), portsOf(after));
  const asked = [...before.answers, ...after.answers].map(nameOf);
  for (const name of new Set(asked)) {
    const [one, other] = [before, after].map(({ answers }) => answers.find((each) => nameOf(each) === name));
    add(`${name} status`, statusOf(one), statusOf(other));
    if (one === undefined || other === undefined || one.status === 0 || other.status === 0) continue;
    for (const header of headersOf(one, other)) {
      add(`${name} header ${header}`, one.headers[header] ?? 'none', other.headers[header] ?? 'none');
    }
    add(`${name} body`, bodyOf(one), bodyOf(other));
  }
  for (const check of ['health', 'probe', 'test'] as const) {
    add(CHECKS[check], checkOf(before[check]), checkOf(after[check]));
  }
  if (before.stop !== undefined && after.stop !== undefined) {
    add('stop', stopOf(before.stop), stopOf(after.stop));
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const [one, other] = [before, after].map(({ logs }) => new Set(lines(logs[stream].text)));
    const lost = [...one!].filter((line) => !other!.has(line));
    const added = [...other!].filter((line) => !one!.has(line));
    if (lost.length + added.length > 0) {
      add(
        stream,
        listed(lost),
        listed(added),
        added.some((line) => FAILURE.test(line)),
      );
    }
  }
  return differences;
}

const CHECKS = { health: 'health check', probe: '--probe', test: '--test' } as const;

function outcomeOf({ outcome, exitCode, error }: ProbeResult): string {
  if (outcome === 'ended') return `ended with exit code ${exitCode}`;
  return outcome === 'failed' ? `could not start: ${error}` : outcome;
}

function portsOf({ listening }: ProbeResult): string {
  const ports = listening.map(({ address, port }) => `${address}:${port}`);
  return ports.length === 0 ? 'none' : [...new Set(ports)].join(', ');
}

function nameOf({ port, path }: HttpAnswer): string {
  return `GET :${port}${path}`;
}

function statusOf(answer: HttpAnswer | undefined): string {
  if (answer === undefined) return 'not asked';
  return answer.status === 0 ? `no answer (${answer.error})` : String(answer.status);
}

function headersOf(one: HttpAnswer, other: HttpAnswer): string[] {
  const names = new Set([...Object.keys(one.headers), ...Object.keys(other.headers)]);
  return [...names].filter((name) => !VOLATILE_HEADERS.has(name)).sort();
}

function bodyOf({ body }: HttpAnswer): string {
  return `${body.size} bytes${body.truncated ? ' of more' : ''}, ${body.digest.slice(0, 19)}`;
}

function checkOf(check: ProbeResult['health']): string {
  if (check === undefined) return 'not run';
  return check.exitCode === 0 ? 'passed' : `failed with exit code ${check.exitCode}`;
}

function stopOf({ signal, killed, exitCode }: NonNullable<ProbeResult['stop']>): string {
  return killed ? `ignored ${signal}` : `ended with exit code ${exitCode}`;
}

/** The lines of a log, without the parts that differ from run to run: times, numbers, ids, hexadecimal digests. */
function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) =>
      line
        .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{7,}\b/gi, '#')
        .replace(/\d+/g, '#')
        .replace(/#([:.,T-]#)*/g, '#')
        .trim(),
    )
    .filter((line) => line !== '');
}

function listed(found: readonly string[]): string {
  if (found.length === 0) return 'no further line';
  const more = found.length > MOST_LINES ? ` and ${found.length - MOST_LINES} more` : '';
  return `${found.slice(0, MOST_LINES).join(' | ')}${more}`;
}
