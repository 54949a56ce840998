import type { Cause } from '../events/cause.ts';
import type { BuildRecord, BuildStep } from './build-record.ts';
import type { BuildStore } from './build-store.ts';
import { Comparison, type Known } from './comparison.ts';
import { earlierRecords } from './explain.ts';

/**
 * What differs below a step that was reused all the same, compared with the most similar earlier record of the same
 * instruction, of equals the latest; none when nothing does.
 */
export function changedBelow(store: BuildStore, build: BuildRecord, step: BuildStep): Cause[] {
  const facts = step.definition && store.facts(step.definition);
  if (!facts) return [];
  const known: Known = {
    facts: (definition) => store.facts(definition),
    files: (selection) => store.files(selection),
    holds: () => undefined,
  };
  const comparison = new Comparison(known);
  const { candidates } = earlierRecords(facts, { known, builds: () => store.before(build) });
  let nearest: Cause[] | undefined;
  for (const candidate of candidates) {
    if (candidate.facts.definition === facts.definition) return [];
    const causes = comparison.below(facts, candidate.facts);
    if (nearest === undefined || causes.length < nearest.length) nearest = causes;
  }
  return nearest ?? [];
}
