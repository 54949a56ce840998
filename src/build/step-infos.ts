import type { StepInfo } from '../events/event.ts';
import type { Plan, PlannedStage, Step } from '../plan/plan.ts';
import { imageStepId, imagesReadBy } from '../solve/base-fetches.ts';
import { filesReadBy } from '../solve/files-read.ts';

/**
 * The steps of a plan, for the event `build.planned`.
 *
 * @param platform of the plan, in builds for several platforms
 */
export function stepInfos(plan: Plan, platform?: string): StepInfo[] {
  const prefix = platform === undefined ? '' : `${platform} `;
  const read = imagesReadBy(plan).map((image): StepInfo => {
    const title = `FROM ${image.reference}`;
    return { id: prefix + imageStepId(image), stage: '', index: 0, total: 0, title };
  });
  const steps = plan.stages.flatMap((stage) => {
    const first = stage.base.kind === 'image' ? 2 : 1;
    const total = stage.steps.length + first - 1;
    const name = prefix + stage.name;
    const base = stage.base.kind === 'image' ? stage.base.image.reference : undefined;
    const { location } = stage;
    const from: StepInfo[] =
      base === undefined
        ? []
        : [{ id: prefix + baseId(stage), stage: name, index: 1, total, title: `FROM ${base}`, location }];
    return [
      ...from,
      ...stage.steps.map((step, i) => ({
        id: prefix + step.id,
        stage: name,
        index: i + first,
        total,
        title: step.title,
        location: step.location,
        needs: needsOf(plan, step, stage.steps[i - 1]?.id ?? belowOf(stage)).map((id) => prefix + id),
      })),
    ];
  });
  return [...read, ...steps];
}

function baseId({ name }: PlannedStage): string {
  return `${name}/1`;
}

/** Id of the step below a stage's first step; undefined for scratch. */
function belowOf(stage: PlannedStage): string | undefined {
  for (let { base } = stage, on = stage; ; on = base.stage, { base } = on) {
    if (base.kind === 'image') return baseId(on);
    if (base.kind === 'scratch') return undefined;
    const last = base.stage.steps.at(-1);
    if (last !== undefined) return last.id;
  }
}

function needsOf(plan: Plan, step: Step, below: string | undefined): string[] {
  const read = filesReadBy(step).map((from) => {
    if (from.kind === 'stage') return from.stage.steps.at(-1)?.id ?? belowOf(from.stage);
    if (from.kind !== 'image') return undefined;
    const { digest } = from.image;
    const base = plan.stages.find(
      (stage) => stage.base.kind === 'image' && stage.base.image.digest === digest,
    );
    return base === undefined ? imageStepId(from.image) : baseId(base);
  });
  return [...new Set([below, ...read])].filter((id) => id !== undefined);
}
