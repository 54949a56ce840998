import { EXIT, JettisonError, type Location } from '../errors/error.ts';
import { emitTo } from '../events/emit.ts';
import type { Emit } from '../events/event.ts';
import type { Plan, PlannedStage, RunStep } from '../plan/plan.ts';
import type { ExecRequest } from '../protocol/exec-request.ts';
import { runOnFailure } from '../run/run-on-failure.ts';
import type { RunStreams } from '../run/terminal.ts';
import { Halted } from '../solve/halt.ts';
import type { HaltPoint } from '../solve/solve-context.ts';
import { type FailureRecord, listFailures } from '../store/failures.ts';
import { cancelledBy, hasKeptFailure, interrupted } from './cancellation.ts';
import { openBuild } from './open-build.ts';
import type { BuildOptions } from './options.ts';

export interface DebugOptions extends BuildOptions {
  /** The RUN to stop at: `[FILE:]LINE`, or its id in the progress, such as `build/3`. Default: the one that fails. */
  at?: string;
  /** Stops after that RUN instead of before it. */
  after?: boolean;
  /** Called when the build has failed on the way there: it stops at the failed step. */
  onFailure?: (error: JettisonError) => void;
}

/** The place where a build has stopped. */
export interface DebugStop {
  stage: string;
  /** The RUN, in one line. */
  title: string;
  location: Location;
  step: Pick<RunStep, 'args' | 'cwd' | 'user'>;
  /** Its failure, whose changes are in the file system; absent if it has not failed. */
  failure?: FailureRecord;
  isAfter: boolean;
  /**
   * Runs a command there, with environment, mounts and user of the step. May be called more than once.
   *
   * @returns the exit code
   */
  run(
    what: Pick<ExecRequest, 'terminal' | 'shell'> & { args?: string[]; env?: string[] },
    streams: RunStreams,
  ): Promise<number>;
}

/**
 * Builds up to the RUN that fails, or to the one of `at`, and calls `look` there.
 *
 * @param look called at that place; all changes are discarded
 * @returns the result of `look`
 * @throws JettisonError as `build` does; `DEBUG_NOTHING_FAILS`, `DEBUG_NOWHERE`
 */
export async function debug<T>(options: DebugOptions, look: (stop: DebugStop) => Promise<T>): Promise<T> {
  const emit = emitTo(options.onEvent ?? (() => {}));
  try {
    return await lookAt(options, emit, look);
  } catch (error) {
    if (!hasKeptFailure(error) || options.at !== undefined || options.signal?.aborted) throw error;
    // The failed step's changes are in the store now.
    options.onFailure?.(error);
    return lookAt(options, () => {}, look);
  }
}

async function lookAt<T>(
  options: DebugOptions,
  emit: Emit,
  look: (stop: DebugStop) => Promise<T>,
): Promise<T> {
  const started = Date.now();
  const { cancel, release } = cancelledBy(options.signal);
  let wanted: { stage: PlannedStage; step: RunStep } | undefined;
  const haltAt = ([plan]: readonly Plan[], failures: HaltPoint['failures']): HaltPoint => {
    if (options.at === undefined) return { failures };
    wanted = findStep(plan!, options.at);
    return { step: wanted.step.id, after: options.after ?? false, failures };
  };
  try {
    const { session, plans, solvers } = await openBuild(
      { ...options, noCache: false },
      emit,
      cancel,
      (all, { store }) => haltAt(all, listFailures(store.layout)),
    );
    try {
      const work: Promise<unknown> =
        wanted === undefined
          ? Promise.all(solvers.map((solver) => solver.solve()))
          : solvers[0]!.solveStage(wanted.stage);
      await session.wait(work);
      throw nothingFails(plans[0]!.plan);
    } catch (error) {
      if (!(error instanceof Halted)) throw error;
      // Commands of other stages are cancelled: closing the worker ends them.
      await session.worker.close();
      try {
        return await look(
          stopAt(error, {
            home: session.store.layout.home,
            ...(options.isolation && { rung: options.isolation }),
          }),
        );
      } finally {
        error.prepared.close();
      }
    } finally {
      await session.close();
    }
  } catch (error) {
    const shown = options.signal?.aborted ? interrupted() : (error as Error);
    emit({ type: 'build.failed', error: shown, durationMs: Date.now() - started });
    throw shown;
  } finally {
    release();
  }
}

function stopAt(
  { step, prepared, failure, isAfter }: Halted,
  where: Parameters<typeof runOnFailure>[0],
): DebugStop {
  const { request } = prepared;
  return {
    stage: stageOf(step),
    title: step.title,
    location: step.location,
    step,
    isAfter,
    ...(failure === undefined ? {} : { failure }),
    run: ({ args, env = [], ...how }, streams) =>
      runOnFailure(
        where,
        {
          ...request,
          ...how,
          readonlyFiles: true,
          process: {
            ...request.process,
            args: args ?? request.process.args,
            env: [...env, ...request.process.env],
            stdin: { typed: true },
          },
          ...(failure === undefined ? {} : { kept: failure.id }),
        },
        streams,
      ),
  };
}

/** @throws JettisonError `DEBUG_NOWHERE` */
function findStep(plan: Plan, at: string): { stage: PlannedStage; step: RunStep } {
  const [, file, number] = /^(?:(.*):)?(\d+)$/.exec(at) ?? [];
  const line = Number(number);
  const all = plan.stages.flatMap((stage) =>
    stage.steps.flatMap((step) => (step.kind === 'run' ? [{ stage, step }] : [])),
  );
  const found = all.find(({ step: { id, location } }) =>
    number === undefined
      ? id === at
      : (file === undefined || location.file === file || location.file.endsWith(`/${file}`)) &&
        location.line <= line &&
        line <= (location.endLine ?? location.line),
  );
  if (found !== undefined) return found;
  throw new JettisonError('DEBUG_NOWHERE', `unknown RUN "${at}" in the stages that are built`, {
    hint:
      all.length === 0
        ? 'The stages have no RUN: `jettison run -it` opens a shell in the image.'
        : `There are ${all.map(({ step }) => `${step.location.line} (${short(step.title)})`).join(', ')}; --target builds another stage.`,
    exitCode: EXIT.usage,
  });
}

function nothingFails(plan: Plan): JettisonError {
  const runs = plan.stages.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'run'));
  const last = runs.at(-1)?.location.line;
  return new JettisonError('DEBUG_NOTHING_FAILS', 'the build does not fail: there is nothing to debug', {
    hint:
      last === undefined
        ? '`jettison run -it` opens a shell in the image.'
        : `A shell opens before any RUN with --at, e.g. --at ${last}, and after it with --after.`,
  });
}

function short(title: string): string {
  return title.length > 30 ? `${title.slice(0, 29)}…` : title;
}

function stageOf({ id }: RunStep): string {
  return id.slice(0, id.lastIndexOf('/'));
}
