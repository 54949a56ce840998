import { JettisonError } from '../errors/error.ts';
import { digestOf } from '../image/digest.ts';
import type { Plan, PlannedStage, Step } from '../plan/plan.ts';
import { instructionOf } from '../solve/keys.ts';
import type { CommitContext } from './commit-context.ts';
import {
  type KnownSteps,
  type ReplayedStep,
  type ReplaySettings,
  type SymbolicBuild,
  SymbolicStage,
} from './symbolic-stage.ts';

/** The build of one commit. */
export interface ReplayedBuild {
  context: CommitContext;
  plan: Plan;
  /** By id, in the order of the file. Empty when it would have failed. */
  steps: Map<string, ReplayedStep>;
  /** The paths of the context that steps select, by their ids. */
  reads: Map<string, string[]>;
  error?: JettisonError;
}

/**
 * Builds one commit after the other, oldest first, in a store that keeps everything: without running or copying
 * anything, by the same definitions and observations as a build.
 */
export class Replay {
  readonly #known: KnownSteps = { definitions: new Map(), keys: new Map() };

  constructor(private readonly settings: ReplaySettings) {}

  async build(plan: Plan, context: CommitContext): Promise<ReplayedBuild> {
    const stages = new Map<PlannedStage, SymbolicStage>();
    const known = forkOf(this.#known);
    const build: SymbolicBuild = {
      settings: this.settings,
      context,
      stage: (stage) => {
        let found = stages.get(stage);
        if (found === undefined) {
          found = new SymbolicStage(build, stage, known.steps);
          stages.set(stage, found);
        }
        return found;
      },
    };
    const steps = new Map<string, ReplayedStep>();
    try {
      await build.stage(plan.target).layers();
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      return { context, plan, steps, reads: new Map(), error };
    }
    known.keep();
    for (const stage of plan.stages) {
      const solved = build.stage(stage);
      for (const [i, step] of stage.steps.entries()) {
        // A stage that nothing asked for counts as cached, as in a build.
        steps.set(step.id, solved.steps[i] ?? { step, outcome: 'cached' });
      }
    }
    const reads = new Map([...stages.values()].flatMap((stage) => [...stage.reads()]));
    return { context, plan, steps, reads };
  }
}

/** What a build that fails would have recorded is not kept: its next one begins where the last good one ended. */
function forkOf(known: KnownSteps): { steps: KnownSteps; keep: () => void } {
  const definitions = new Fork(known.definitions);
  const keys = new Fork(known.keys);
  return {
    steps: { definitions, keys },
    keep: () => {
      definitions.keep();
      keys.keep();
    },
  };
}

/** A map whose changes are kept apart until they are kept. */
class Fork<V> extends Map<string, V> {
  constructor(private readonly under: Map<string, V>) {
    super();
  }

  override get(key: string): V | undefined {
    return super.get(key) ?? this.under.get(key);
  }

  keep(): void {
    for (const [key, value] of this) this.under.set(key, value);
  }
}

/** The digest of a step's instruction, made once a step. */
export function instructionDigests(time: number, run: Parameters<typeof instructionOf>[2]) {
  const known = new WeakMap<Step, string>();
  return (step: Step): string => {
    let digest = known.get(step);
    if (digest === undefined) {
      digest = digestOf(instructionOf(step, time, run));
      known.set(step, digest);
    }
    return digest;
  };
}
