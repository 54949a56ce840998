import type { Cause } from '../events/cause.ts';
import type { BuildRecord, BuildStep } from './build-record.ts';
import type { BuildStore } from './build-store.ts';
import { Comparison } from './comparison.ts';

/** What differs below a step that was taken again all the same, compared with the build before; none when nothing does. */
export function changedBelow(store: BuildStore, build: BuildRecord, step: BuildStep): Cause[] {
  const facts = step.definition && store.facts(step.definition);
  if (!facts) return [];
  const comparison = new Comparison({
    facts: (definition) => store.facts(definition),
    files: (selection) => store.files(selection),
    holds: () => undefined,
  });
  for (const before of store.of(build.project, build.id)) {
    if (before.started >= build.started) continue;
    for (const one of before.steps) {
      if (one.stage !== step.stage || one.definition === undefined) continue;
      const was = store.facts(one.definition);
      if (was?.text !== facts.text) continue;
      return was.definition === facts.definition ? [] : comparison.below(facts, was);
    }
  }
  return [];
}
