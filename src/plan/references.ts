import type { Dockerfile, Instruction, StageText } from '../dockerfile/ast.ts';
import { closest } from '../errors/closest.ts';
import { JettisonError } from '../errors/error.ts';

/** The stages of a file by their names. */
export class StageNames {
  readonly count: number;
  /** Ascending. */
  readonly #indices = new Map<string, number[]>();

  constructor({ stages }: Dockerfile) {
    this.count = stages.length;
    for (const { name, index } of stages) {
      if (name === undefined) continue;
      const known = this.#indices.get(name);
      if (known === undefined) this.#indices.set(name, [index]);
      else known.push(index);
    }
  }

  /** The last stage of that name (in lower case) before another one. */
  lastBefore(name: string, before: number): number | undefined {
    return this.#indices.get(name)?.findLast((index) => index < before);
  }

  /** The first stage of that name from another one on. */
  firstFrom(name: string, from: number): number | undefined {
    return this.#indices.get(name)?.find((index) => index >= from);
  }
}

/**
 * The index of the stage that `--from` names: first names of stages before this one, ignoring case, then numbers.
 * Undefined for the name of an image.
 *
 * @throws JettisonError `STAGE_LATER` when only this stage or a later one has that name
 */
export function stageOf(
  names: StageNames,
  name: string,
  before: number,
  at: Pick<Instruction, 'location' | 'source'>,
): number | undefined {
  const wanted = name.toLowerCase();
  const earlier = names.lastBefore(wanted, before);
  if (earlier !== undefined) return earlier;
  const numbered = /^\d+$/.test(name) ? Number(name) : undefined;
  if (numbered !== undefined && numbered < before) return numbered;
  const numberedLater = numbered !== undefined && numbered < names.count ? numbered : undefined;
  const later = names.firstFrom(wanted, before) ?? numberedLater;
  if (later !== undefined) {
    const self = later === before;
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
          : 'Only later stages can use a stage: move it up.',
      },
    );
  }
  if (numbered !== undefined) {
    throw new JettisonError('STAGE_UNKNOWN', `unknown stage number ${name}`, {
      location: at.location,
      source: at.source,
      hint: `Stages are numbered from 0; this file has ${names.count}.`,
    });
  }
  return undefined;
}

/**
 * A hint for an image that cannot be found: the name of a stage, or a name similar to one.
 *
 * @param before index of the stage that uses the name
 */
export function stageHint(dockerfile: Dockerfile, name: string, before: number): string | undefined {
  const wanted = name.toLowerCase();
  if (dockerfile.stages.slice(before).some((stage) => stage.name === wanted)) {
    return `The stage "${name}" cannot be used here: FROM can only name stages before it.`;
  }
  const near = closest(
    wanted,
    dockerfile.stages.slice(0, before).flatMap((stage) => stage.name ?? []),
  );
  return near === undefined ? undefined : `Did you mean the stage "${near}"?`;
}

/** Warnings about unknown stages in `--no-cache-filter`. */
export function unknownStages(
  dockerfile: Dockerfile,
  named: readonly string[],
  planned: readonly string[],
): { message: string; hint: string }[] {
  const names = dockerfile.stages.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const known = new Set([...names, ...planned]);
  return named
    .filter((name) => !known.has(name.toLowerCase()))
    .map((name) => {
      const near = closest(name, names);
      const list = names.length === 0 ? 'Its stages have no names.' : `Its stages are: ${names.join(', ')}.`;
      return {
        message: `no stage of ${dockerfile.file} has the name "${name}": --no-cache-filter has no effect for it`,
        hint: near === undefined ? list : `Did you mean "${near}"?`,
      };
    });
}

/**
 * The stage to build: by name (ignoring case), else the last one. Unlike in `--from`, numbers are not accepted.
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
