import type { Dockerfile, Instruction } from '../../dockerfile/ast.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { Tree } from '../../layer/tree.ts';
import type { BaseImage, Plan, PlannedStage, Step } from '../../plan/plan.ts';
import type { StepTime } from '../rebuild-time.ts';
import type { FileCause } from '../run-counts.ts';

/** What a proposal is made from. */
export interface Subject {
  dockerfile: Dockerfile;
  plan: Plan;
  /** Undefined when there is no ignore file. */
  ignoreText: string | undefined;
  /** The text of a file of the context, as the latest commit has it; undefined where the build sees none. */
  file(path: string): string | undefined;
  /** Whether the build sees something at a path of the context. */
  has(path: string): boolean;
  /** Files that made steps run. */
  causes: readonly FileCause[];
  /** What is known of earlier builds; absent where no history is counted in. */
  records?: Records;
}

/** What builds on this machine did. */
export interface Records {
  time: StepTime;
  /** The layer that a step made when it was last executed. */
  written(step: Step): LayerIndex | undefined;
  /** The files of a base image; undefined if they are not here. */
  base(image: BaseImage): Tree | undefined;
}

/** The texts that a proposal makes. */
export interface Edit {
  /** What changes, in one sentence. */
  summary: string;
  /** Why it cannot be proven by counting: what is only known when it is tried. */
  reservation?: string;
  dockerfile: string;
  ignoreText?: string;
}

/** A kind of proposal: one file of this folder, one line in `proposals.ts`. */
export interface Proposer {
  /** Its name on the command line. */
  id: string;
  /** Makes steps run less often, or at the same time; or a run fetch less, which no history can show. */
  saves: 'runs' | 'time' | 'fetches';
  /** Undefined when there is nothing to propose. */
  propose(subject: Subject): Edit | undefined;
}

/** The step that an instruction is carried out by. */
export function stepOf(stage: PlannedStage, { location }: Instruction): Step | undefined {
  return stage.steps.find((step) => step.location.line === location.line);
}

/** Whether the files of a stage are, or may be, in the image as they are. */
export function isShipped(stage: PlannedStage, plan: Plan): boolean {
  for (let at: PlannedStage | undefined = plan.target; at !== undefined; ) {
    if (at === stage) return true;
    at = at.base.kind === 'stage' ? at.base.stage : undefined;
  }
  return plan.stages.some(({ steps }) =>
    steps.some(
      (step) =>
        step.kind === 'copy' &&
        step.from.kind === 'stage' &&
        step.from.stage === stage &&
        step.sources.some((source) => /^[./]*(root|usr|usr\/local|go)?\/?$/.test(source)),
    ),
  );
}

/** Whether an instruction's text is a shell command that stands alone: no operator, substitution or variable. */
export function simpleCommand(instruction: Instruction): string | undefined {
  if (instruction.kind !== 'RUN' || instruction.command.form !== 'shell') return undefined;
  if (instruction.heredocs.length > 0 || instruction.mounts.some((mount) => !isCache(mount)))
    return undefined;
  const text = instruction.command.text.replace(/\\\n\s*/g, ' ').trim();
  return /^[\w@%+=:,./ -]+$/.test(text) ? text.replace(/ +/g, ' ') : undefined;
}

function isCache({ options }: { options: { key: string; value?: { text: string } }[] }): boolean {
  return options.some(({ key, value }) => key === 'type' && value?.text === 'cache');
}
