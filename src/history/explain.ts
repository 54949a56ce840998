import type { Cause, Why } from '../events/cause.ts';
import type { Digest } from '../image/digest.ts';
import { align } from './align.ts';
import { type BuildRecord, type BuildStep, COMPARED_BUILDS } from './build-record.ts';
import type { Comparison, Known } from './comparison.ts';
import type { StepFacts } from './step-facts.ts';

/** A step of an earlier build, with what is on record of it. */
interface Candidate {
  build: BuildRecord;
  step: BuildStep;
  facts: StepFacts;
}

/** How many different records of one instruction are compared. */
const COMPARED = 12;
/** More causes are only counted. */
const KEPT_CAUSES = 100;

/** What an explanation is made from. */
export interface Explaining {
  /** Of the step itself: what an earlier build has kept. */
  known: Known;
  comparison: Comparison;
  /** Earlier builds of the project, latest first. */
  builds: () => Iterable<BuildRecord>;
  /** Titles of the steps of its stage in this build. */
  planned: (stage: string) => readonly string[];
  /** Stages of which all records have been pruned. */
  wasPruned: (stage: string) => boolean;
}

/** Why a step is made anew where all that it reads is as it was. */
export type Anew = (candidate: { build: BuildRecord; step: BuildStep }) => Omit<Cause, 'at'>;

/** Why a step did not find its layer here: compared with the most similar record of the same instruction. */
export function explain(now: StepFacts, explaining: Explaining, anew: Anew): Why {
  const { comparison, wasPruned } = explaining;
  const at = { stage: now.stage, title: now.title, line: now.line };
  const { candidates, latest, hasBuilds, isElsewhere } = earlierRecords(now, explaining);
  const compared = candidates.map((one) => ({ ...one, causes: comparison.causes(now, one.facts) }));
  // Of equals the latest, and of two that are alike otherwise the one that came to its end.
  const distance = ({ causes, step }: (typeof compared)[number]) =>
    causes.length === 0 || isFinished(step) ? causes.length : causes.length + 0.5;
  const [nearest] = compared.sort((a, b) => distance(a) - distance(b));
  if (nearest !== undefined) {
    const causes = nearest.causes.length > 0 ? nearest.causes : [{ ...anew(nearest), at }];
    return withBuild(causes, nearest.build);
  }
  if (latest !== undefined) {
    const replaced = counterpart(now, latest, explaining);
    const causes = replaced === undefined ? [] : comparison.causes(now, replaced);
    return withBuild(causes.length > 0 ? causes : [{ kind: 'added', name: now.title, at }], latest);
  }
  if (isElsewhere) return { causes: [{ kind: 'first-platform', name: now.platform, at }] };
  if (wasPruned(now.stage)) return { causes: [{ kind: 'pruned', name: '', at }] };
  return { causes: [{ kind: 'first', name: hasBuilds ? now.stage : '', at }] };
}

/** What is on record of an instruction, latest first, and of its stage. */
export function earlierRecords(
  now: StepFacts,
  { known, builds }: { known: Pick<Known, 'facts'>; builds: Explaining['builds'] },
) {
  const candidates: Candidate[] = [];
  const seen = new Set<Digest>();
  let latest: BuildRecord | undefined;
  let isElsewhere = false;
  let looked = 0;
  for (const build of builds()) {
    if (++looked > COMPARED_BUILDS || candidates.length >= COMPARED) break;
    const steps = stepsOf(build, now.stage);
    if (steps.length > 0 && steps.every(({ platform }) => platform !== now.platform)) isElsewhere = true;
    for (const step of steps) {
      const { definition, platform } = step;
      if (platform !== now.platform || definition === undefined) continue;
      if (isFinished(step)) latest ??= build;
      if (seen.has(definition)) continue;
      seen.add(definition);
      const facts = known.facts(definition);
      if (facts?.text === now.text) candidates.push({ build, step, facts });
    }
  }
  return { candidates, latest, isElsewhere, hasBuilds: looked > 0 };
}

function isFinished({ outcome }: BuildStep): boolean {
  return outcome !== undefined && outcome !== 'cancelled';
}

/** The steps of a stage. Those without a name are numbered anew when one comes before them: they count as one. */
function stepsOf({ steps }: BuildRecord, stage: string): BuildStep[] {
  const exact = steps.filter((step) => step.stage === stage);
  const isNameless = (name: string) => /^stage-\d+$/.test(name);
  return exact.length > 0 || !isNameless(stage) ? exact : steps.filter((step) => isNameless(step.stage));
}

function withBuild(causes: Cause[], { id, started }: BuildRecord): Why {
  const more = causes.length - KEPT_CAUSES;
  return {
    causes: causes.slice(0, KEPT_CAUSES),
    ...(more > 0 ? { more } : {}),
    since: { build: id, time: started },
  };
}

/** The instruction that stood in a step's place. */
function counterpart(
  now: StepFacts,
  build: BuildRecord,
  { known, planned }: Explaining,
): StepFacts | undefined {
  const was = stepsOf(build, now.stage)
    .filter(({ platform }) => platform === now.platform)
    .flatMap(({ definition }) => (definition === undefined ? [] : (known.facts(definition) ?? [])));
  const titles = planned(now.stage);
  const stack = [now];
  for (let { below } = now; below.kind === 'step' && stack.length < 1000; ) {
    const facts = known.facts(below.definition);
    if (facts === undefined || facts.stage !== now.stage) break;
    stack.unshift(facts);
    below = facts.below;
  }
  const pairs = align(
    stack,
    was,
    (a, b) => a.text === b.text,
    // What stands elsewhere in the stage now was not replaced.
    (a, b) => a.kind === b.kind && (a.title === b.title || !titles.includes(b.title)),
  );
  return pairs.find((pair) => pair.now === now)?.was;
}
