import { differences } from './summary.mjs';

/**
 * Compares what the reference and Jettison made of a case.
 *
 * @param {import('./case-file.mjs').Case} one
 * @param {import('./engine.mjs').Outcome} reference
 * @param {import('./engine.mjs').Outcome & { bug?: boolean }} ours
 * @returns {{ kind: 'same' | 'expected' | 'different', lines: string[], messages: string[] }} `expected`:
 *   different in a way that the case gives a reason for
 */
export function judge(one, reference, ours) {
  const messages = [
    ...(reference.ok ? [] : [`docker:   ${reference.message}`]),
    ...(ours.ok ? [] : [`jettison: ${ours.message}`]),
  ];
  const verdict = (kind, lines = []) => ({ kind, lines, messages });
  if (ours.bug) return verdict('different', [`jettison has a bug: ${ours.message}`]);

  const { jettison, ignore = [], has = [], errors = {} } = one.expect ?? {};
  const unproven = [
    ...wrongError('docker', reference, errors.docker),
    ...wrongError('jettison', ours, errors.jettison),
  ];
  // Where only one of them refuses the case, that is said below.
  if (unproven.length > 0 && (jettison !== undefined || ours.ok === reference.ok)) {
    return verdict('different', unproven);
  }
  const missing = ours.ok ? has.filter((line) => !ours.summary.includes(line)) : [];
  if (missing.length > 0)
    return verdict(
      'different',
      missing.map((line) => `missing: ${line}`),
    );
  if (jettison !== undefined) {
    const asExpected = ours.ok === (jettison === 'ok');
    if (!asExpected) return verdict('different', [`jettison should ${jettison}`, ...messages]);
    if (ours.ok === reference.ok) return verdict('different', ['docker does the same: expect nothing']);
    return verdict('expected');
  }
  if (ours.ok !== reference.ok) {
    const [good, bad] = ours.ok ? ['jettison', reference] : ['docker', ours];
    return verdict('different', [`only ${good} builds it; the other:`, bad.message]);
  }
  if (!ours.ok) return verdict('same');
  const lines = differences(reference.summary, ours.summary, ignore);
  if (lines.length > 0) return verdict('different', lines);
  const all = differences(reference.summary, ours.summary);
  if (ignore.length > 0 && all.length === 0) return verdict('different', ['no difference: expect nothing']);
  return verdict(ignore.length > 0 ? 'expected' : 'same');
}

/** A refusal proves something only when it is the one that the case is about. */
function wrongError(side, outcome, text) {
  if (outcome.ok) return text === undefined ? [] : [`${side} builds it: expect no error`];
  if (text === undefined) return [`${side} refuses it, and the case names no error:`, outcome.message];
  return outcome.message.includes(text) ? [] : [`${side} refuses it without "${text}":`, outcome.message];
}
