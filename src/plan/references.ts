import type { Dockerfile, Instruction, StageText } from '../dockerfile/ast.ts';
import { closest } from '../errors/closest.ts';
import { JettisonError } from '../errors/error.ts';

/**
 * The number of the stage that a name or number means to `--from`: names of stages before this one, ignoring
 * case, then numbers. Undefined when it names none: then it is an image.
 *
 * @throws JettisonError `STAGE_LATER` when only this stage or a later one has that name
 */
export function stageOf(
  dockerfile: Dockerfile,
  name: string,
  before: number,
  at: Pick<Instruction, 'location' | 'source'>,
): number | undefined {
  const wanted = name.toLowerCase();
  const earlier = dockerfile.stages.slice(0, before).findLast((stage) => stage.name === wanted);
  if (earlier !== undefined) return earlier.index;
  const numbered = /^\d+$/.test(name) ? Number(name) : undefined;
  if (numbered !== undefined && numbered < before) return numbered;
  const later = dockerfile.stages
    .slice(before)
    .find((stage) => stage.name === wanted || stage.index === numbered);
  if (later !== undefined) {
    const self = later.index === before;
    throw new JettisonError(
      'STAGE_LATER',
      self
        ? `stage "${name}" copies from itself`
        : `stage "${name}" comes after the instruction that uses it`,
      {
        location: at.location,
        source: at.source,
        hint: self
          ? 'A stage can only copy from stages before it: use plain RUN cp, or another stage.'
          : 'Stages are used by later ones only: move it up.',
      },
    );
  }
  if (numbered !== undefined) {
    throw new JettisonError('STAGE_UNKNOWN', `there is no stage number ${name}`, {
      location: at.location,
      source: at.source,
      hint: `Stages count from 0; this file has ${dockerfile.stages.length}.`,
    });
  }
  return undefined;
}

/**
 * What may be said when nobody has the image of that name: it may have been meant for a stage.
 *
 * @param before number of the stage that uses the name
 */
export function stageHint(dockerfile: Dockerfile, name: string, before: number): string | undefined {
  const wanted = name.toLowerCase();
  if (dockerfile.stages.slice(before).some((stage) => stage.name === wanted)) {
    return `The stage "${name}" is of no use here: FROM can only name stages before it.`;
  }
  const near = closest(
    wanted,
    dockerfile.stages.slice(0, before).flatMap((stage) => stage.name ?? []),
  );
  return near === undefined ? undefined : `Did you mean the stage "${near}"?`;
}

/**
 * The stage to build: by name (ignoring case), else the last one. A number names none, unlike in `--from`.
 *
 * @throws JettisonError `STAGE_UNKNOWN`
 */
export function targetStage(dockerfile: Dockerfile, target: string | undefined): StageText {
  if (target === undefined) return dockerfile.stages.at(-1)!;
  const wanted = target.toLowerCase();
  const named = dockerfile.stages.findLast((stage) => stage.name === wanted);
  if (named !== undefined) return named;
  const names = dockerfile.stages.flatMap((stage) => (stage.name === undefined ? [] : [stage.name]));
  const near = closest(wanted, names);
  throw new JettisonError('STAGE_UNKNOWN', `target stage "${target}" is not in ${dockerfile.file}`, {
    hint:
      near !== undefined
        ? `Did you mean "${near}"?`
        : names.length > 0
          ? `Its stages are: ${names.join(', ')}.`
          : 'Its stages have no names: give them some by FROM … AS name.',
  });
}
