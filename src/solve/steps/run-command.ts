import { constants } from 'node:os';
import { JettisonError } from '../../errors/error.ts';
import type { Digest } from '../../image/digest.ts';
import type { Platform } from '../../image/types.ts';
import { CAPABILITY_NAMES } from '../../launch/capabilities.ts';
import { sharedNetworkNote } from '../../machine/default-network.ts';
import type { RunStep } from '../../plan/plan.ts';
import type { ExecMount, ExecRequest, ExecResult } from '../../protocol/exec-request.ts';
import type { FailedStep } from '../../store/failures.ts';
import { type LayerRecord, layerId, newLayerIdentity } from '../../store/layers.ts';
import type { SolvedLayer } from '../graph.ts';
import { LoopbackWatch } from '../loopback-watch.ts';
import type { SolveContext } from '../solve-context.ts';
import { OUTPUT_LIMIT, StepOutput } from '../step-output.ts';
import type { StepPhases } from '../step-phases.ts';
import type { RunMounts } from './run-mounts.ts';

/**
 * Runs the command and makes a layer of its changes. Of several builds with the same key at the same time, one runs it,
 * and the others use its layer.
 *
 * @param others.lookUp finds a layer that another build has made in the meantime
 * @param others.keep records the layer, before waiting builds continue
 * @param others.phases measures the phases
 * @param others.platform of the stage
 * @returns the layer, and whether the command was run here
 * @throws JettisonError `RUN_FAILED`, `SECRET_MISSING`, `SSH_MISSING`, `USER_UNKNOWN`
 */
export async function runStep(
  context: SolveContext,
  step: RunStep,
  mounts: RunMounts,
  key: Digest,
  below: readonly SolvedLayer[],
  others: {
    lookUp: () => LayerRecord | undefined;
    keep: (record: LayerRecord) => Promise<void>;
    phases: StepPhases;
    platform: Platform;
  },
): Promise<{ record: LayerRecord; made: boolean }> {
  mounts.checkRequired();
  const { phases } = others;
  if (context.elsewhere !== undefined) {
    const { runElsewhere } = await import('./run-elsewhere.ts');
    const command = { step, mounts, platform: others.platform };
    const result = await runElsewhere(context, context.elsewhere, command, key, below, phases);
    if (result !== undefined) {
      if (!('layer' in result))
        throw failure(context, step, result, { isDiskFull: false, loopback: undefined });
      await others.keep(result.layer);
      return { record: result.layer, made: true };
    }
  }
  const worker = await phases.during('start', () => context.worker());
  if (worker.unable !== undefined) throw worker.unable;
  const lock = `run-${layerId(key)}`;
  const wait = 'waiting for another build that runs the same command';
  await phases.during('queue', () => worker.lock({ name: lock }), wait);
  try {
    const known = others.lookUp();
    if (known !== undefined) return { record: known, made: false };
    const record = await execute(context, step, mounts, key, below, phases);
    await others.keep(record);
    return { record, made: true };
  } finally {
    await worker.unlock({ name: lock }).catch(() => {});
  }
}

async function execute(
  context: SolveContext,
  step: RunStep,
  mounts: RunMounts,
  key: Digest,
  below: readonly SolvedLayer[],
  phases: StepPhases,
): Promise<LayerRecord> {
  const worker = await context.worker();
  warnOnce(context, step, 'RungUnusable', worker.notes);
  const prepared = await phases.during(
    'materialise',
    () => prepareRun(context, step, mounts, below),
    'preparing files',
  );
  const output = new StepOutput(context.emit, step.id);
  let isDiskFull = false;
  let loopback: LoopbackWatch | undefined;
  const { timeout } = context.run;
  let endPhase = phases.begin('start');
  const result = await worker
    .exec(
      {
        ...prepared.request,
        outputLimit: OUTPUT_LIMIT,
        ...(timeout === undefined ? {} : { timeMs: timeout }),
        commit: newLayerIdentity(context.store.layers, key, 'run'),
        keep: failedStep(context, step, key),
      },
      {
        signal: context.signal,
        onOutput: (piece) => {
          const text = output.add(piece);
          isDiskFull ||= text.includes('No space left on device');
          loopback?.listen(text);
        },
        onStarted: ({ problems, network, sharesNetwork }) => {
          endPhase();
          endPhase = phases.begin('run');
          if (network === 'private') loopback = new LoopbackWatch();
          warnOnce(context, step, 'LimitUnavailable', problems);
          if (sharesNetwork === undefined) return;
          warnOnce(context, step, 'NetworkShared', [sharedNetworkNote(sharesNetwork)]);
        },
        onEnded: () => {
          endPhase();
          endPhase = phases.begin('scan', 'looking for changed files');
        },
      },
    )
    .finally(() => {
      endPhase();
      prepared.close();
    });
  if (result.layer !== undefined) return result.layer;
  throw failure(context, step, result, { isDiskFull, loopback });
}

/** Emits warnings that concern all steps once, at the first step. */
function warnOnce(context: SolveContext, step: RunStep, code: string, messages: readonly string[]): void {
  for (const message of messages) {
    if (context.warned.has(message)) continue;
    context.warned.add(message);
    context.emit({ type: 'warning', code, message, location: step.location });
  }
}

/** The request to the worker for a step's command. */
export interface PreparedRun {
  request: ExecRequest;
  /** Deletes its temporary files. */
  close: () => void;
}

/** Prepares layers, mounts and caches for a step's command. */
export async function prepareRun(
  context: SolveContext,
  step: RunStep,
  mounts: RunMounts,
  below: readonly SolvedLayer[],
): Promise<PreparedRun> {
  await Promise.all(below.map((layer) => layer.directory()));
  const prepared = await mounts.prepare();
  const caches = prepared.mounts.flatMap((mount) => (mount.type === 'cache' ? [mount.cache] : []));
  await context.cacheMounts.prepare(context, step, caches).catch((error: unknown) => {
    prepared.close();
    throw error;
  });
  const script: ExecMount[] =
    step.script === undefined
      ? []
      : [
          {
            ...{ type: 'secret', target: step.script.path, data: step.script.data },
            ...{ mode: 0o755, uid: 0, gid: 0, public: true },
          },
        ];
  const { hosts, limits, ulimits, shmSize } = context.run;
  return {
    request: {
      layers: below.filter((layer) => !layer.empty).map(({ id }) => id),
      process: {
        args: step.args,
        env: [...step.env, ...step.hiddenEnv, ...prepared.env],
        cwd: step.cwd,
        user: step.user,
      },
      mounts: [...prepared.mounts, ...script],
      network: step.network,
      hosts,
      limits,
      ulimits,
      ...(shmSize === undefined ? {} : { shmSize }),
      ...(step.hostname === undefined ? {} : { hostname: step.hostname }),
      ...(step.insecure ? { capabilities: CAPABILITY_NAMES, unmasked: true } : {}),
    },
    close: prepared.close,
  };
}

/** The recorded facts of a failed step. */
function failedStep({ command }: SolveContext, step: RunStep, key: Digest): FailedStep {
  const { title, location, id } = step;
  const stage = id.slice(0, id.lastIndexOf('/'));
  const { file, line } = location;
  return { key, title, file, line, stage, ...(command === undefined ? {} : { command }) };
}

function failure(
  { run, store }: SolveContext,
  step: RunStep,
  result: Pick<ExecResult, 'exitCode' | 'kept' | 'timedOut' | 'outOfMemory'>,
  { isDiskFull, loopback }: { isDiskFull: boolean; loopback: LoopbackWatch | undefined },
): JettisonError {
  const { location, source } = step;
  const { exitCode, kept } = result;
  const details = { exitCode, step: step.id, ...(kept === undefined ? {} : { kept }) };
  if (result.timedOut) {
    return new JettisonError(
      'RUN_TIMEOUT',
      `${commandText(step)} did not end within ${run.timeout! / 1000} s, and was killed`,
      { location, source, details, hint: 'Set a higher --timeout, unless it hangs.' },
    );
  }
  return new JettisonError('RUN_FAILED', `${commandText(step)} ${endOf(exitCode)}`, {
    location,
    source,
    details,
    ...(isDiskFull
      ? {
          hint: `The disk of the store, ${store.layout.home}, may be full: \`jettison prune\` and \`jettison builder prune\` free some of it.`,
        }
      : result.outOfMemory
        ? { hint: 'It reached the limit of --memory.' }
        : hintFor(exitCode, step, loopback)),
  });
}

function commandText(step: RunStep): string {
  const text = step.title.replace(/^RUN\s+/i, '');
  return `RUN ${text.length > 80 ? `${text.slice(0, 79)}…` : text}`;
}

/** In shells, the exit code 128 + n means that signal n killed the command. */
function endOf(exitCode: number): string {
  const [signal] = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128) ?? [];
  return signal === undefined
    ? `failed with exit code ${exitCode}`
    : `was ended by ${signal} (exit code ${exitCode})`;
}

function hintFor(exitCode: number, step: RunStep, loopback: LoopbackWatch | undefined): { hint?: string } {
  if (exitCode === 127) {
    const what = step.args[0]!;
    return {
      hint: what.endsWith('/sh')
        ? 'A command was not found in the image: check its name, or install it in an earlier step.'
        : `"${what}" was not found in the image: check the name, or the stage that this one is built on.`,
    };
  }
  if (exitCode === 126) return { hint: 'The command was found but cannot be executed: check its mode.' };
  if (exitCode === 137) return { hint: 'The command was killed, usually because memory ran out.' };
  const hint = loopback?.hint([...step.env, ...step.hiddenEnv]);
  return hint === undefined ? {} : { hint };
}
