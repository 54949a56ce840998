import type { Digest } from '../image/digest.ts';
import type { RunStep } from '../plan/plan.ts';
import type { Failure } from '../store/failures.ts';
import type { SolvedLayer } from './graph.ts';
import type { HaltPoint, SolveContext } from './solve-context.ts';
import { type PreparedRun, prepareRun } from './steps/run-command.ts';
import type { RunMounts } from './steps/run-mounts.ts';

/** Thrown by a solver when it reaches the step at which the build stops. */
export class Halted extends Error {
  constructor(
    readonly step: RunStep,
    /** The step's command and its inputs. The caller closes it. */
    readonly prepared: PreparedRun,
    /** The failure of the step in an earlier build. */
    readonly failure: Failure | undefined,
    /** Whether the step has run. */
    readonly isAfter: boolean,
  ) {
    super(`halted at ${step.id}`);
  }

  /** @throws JettisonError `SECRET_MISSING`, `SSH_MISSING`, `RUN_UNAVAILABLE` */
  static async at(
    context: SolveContext,
    step: RunStep,
    mounts: RunMounts,
    layers: readonly SolvedLayer[],
    how: { failure?: Failure; isAfter?: boolean } = {},
  ): Promise<Halted> {
    mounts.checkRequired();
    const { unable } = await context.worker();
    if (unable !== undefined) throw unable;
    const prepared = await prepareRun(context, step, mounts, layers);
    return new Halted(step, prepared, how.failure, how.isAfter ?? false);
  }
}

/** Whether a build stops directly before, or after, a step. */
export function haltsAt(
  halt: HaltPoint | undefined,
  step: { id: string },
  when: 'before' | 'after',
): boolean {
  return halt?.step === step.id && (halt.after ?? false) === (when === 'after');
}

/** The earlier failure of a RUN's key at which a build stops; undefined if its form is not that of the worker. */
export async function failureOf({ halt, worker }: SolveContext, key: Digest): Promise<Failure | undefined> {
  if (halt === undefined || halt.step !== undefined) return undefined;
  const [form] = (await worker()).forms;
  return halt.failures.find((one) => one.key === key && one.form === form);
}
