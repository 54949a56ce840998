import type { Dockerfile, Instruction } from '../../dockerfile/ast.ts';
import type { Plan, PlannedStage, Step } from '../../plan/plan.ts';
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
  /** Makes the same thing run less often; else it makes a run cheaper, which no history can show. */
  savesRuns: boolean;
  /** Undefined when there is nothing to propose. */
  propose(subject: Subject): Edit | undefined;
}

/** The step that an instruction is carried out by. */
export function stepOf(stage: PlannedStage, { location }: Instruction): Step | undefined {
  return stage.steps.find((step) => step.location.line === location.line);
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
