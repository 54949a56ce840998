import { compareResults, type Difference } from '../probe/compare-results.ts';
import type { ProbeResult } from '../probe/probe-result.ts';

/**
 * Why a probe of the original cannot show whether another image behaves in the same way; undefined when it can. A
 * command that ends is judged by its exit code and its output.
 */
export function whyUndecided(result: ProbeResult): string | undefined {
  const { outcome, error, exitCode, health, probe, test } = result;
  if (outcome === 'failed') return `the image could not start: ${error}`;
  if (outcome === 'ended') {
    return exitCode === 0 ? undefined : `the image's command ended with exit code ${exitCode}`;
  }
  const failed = Object.entries({ 'the health check': health, '--probe': probe, '--test': test }).find(
    ([, check]) => check !== undefined && check.exitCode !== 0,
  );
  if (failed !== undefined) return `${failed[0]} fails for the Dockerfile as it is`;
  if (outcome === 'silent') return 'the image did not answer on its exposed ports';
  if (wasAsked(result)) return undefined;
  return 'the image has no port and no health check, and its command runs on: there is nothing to ask';
}

/** Whether something was asked of the program: on a port, or by a check. */
export function wasAsked({ answers, health, probe, test }: ProbeResult): boolean {
  return answers.length > 0 || [health, probe, test].some((check) => check !== undefined);
}

/**
 * What an image does otherwise than the original.
 *
 * @param again a second result of the original: what differs between the two does not count
 * @returns sentences; none if the behaviour is the same
 */
export function behaviourChanges(before: ProbeResult, after: ProbeResult, again?: ProbeResult): string[] {
  return compareResults(before, after, again)
    .filter((difference) => counts(difference, before, after))
    .map(({ subject, before: was, after: is }) => `${subject}: ${was} → ${is}`);
}

function counts({ subject, isBehaviour }: Difference, before: ProbeResult, after: ProbeResult): boolean {
  // A program that gets the signal itself may end with another code than npm or a shell around it.
  if (subject === 'stop') return after.stop?.killed === true && before.stop?.killed === false;
  // Of a command that ends, the output is what it is for.
  if (subject === 'stdout' && before.outcome === 'ended') return true;
  return isBehaviour;
}
