import type { StepInfo } from '../events/event.ts';
import type { Plan } from '../plan/plan.ts';
import { imageStepId, imagesReadBy } from '../solve/base-fetches.ts';

/**
 * The steps of a plan as they are shown.
 *
 * @param platform in builds for several platforms, the plan's own
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
        : [{ id: `${name}/1`, stage: name, index: 1, total, title: `FROM ${base}`, location }];
    return [
      ...from,
      ...stage.steps.map((step, i) => ({
        id: prefix + step.id,
        stage: name,
        index: i + first,
        total,
        title: step.title,
        location: step.location,
      })),
    ];
  });
  return [...read, ...steps];
}
