import type { ContextSource } from '../context/context-source.ts';
import type { DockerfileText } from '../context/dockerfile.ts';
import { withGitModes } from '../context/git-modes.ts';
import { type IgnoreRules, ignoredBy } from '../context/ignore.ts';
import type { Diagnostic, Dockerfile } from '../dockerfile/ast.ts';
import { JettisonError } from '../errors/error.ts';
import type { Emit } from '../events/event.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Descriptor } from '../image/types.ts';
import { RULES } from '../plan/checks/plan-rules.ts';
import { globalScope } from '../plan/heads.ts';
import type { ImageRequest } from '../plan/input.ts';
import type { NamedContexts } from '../plan/named-contexts.ts';
import type { BaseImage, Plan } from '../plan/plan.ts';
import { unknownStages } from '../plan/references.ts';
import { BaseFetches } from '../solve/base-fetches.ts';
import { BaseImages } from '../solve/base-images.ts';
import { checkRunnable } from '../solve/emulation.ts';
import type { HaltPoint } from '../solve/solve-context.ts';
import { Solver } from '../solve/solver.ts';
import { BuildCacheMounts } from '../solve/steps/cache-mount-import.ts';
import type { BuildRecorder } from './build-recorder.ts';
import { type BuildInputs, directoryOf, type OpenedInputs, openInputs, readInputs } from './main-context.ts';
import { isMultiPlatform } from './multi-platform.ts';
import { type BuildOptions, pick } from './options.ts';
import { parseForBuild, planInput, planWithBases, readNamedContexts } from './planning.ts';
import { findAgents } from './secrets.ts';
import { Session } from './session.ts';
import { stepInfos } from './step-infos.ts';
import { lastCommitTime, SOURCE_DATE_EPOCH, sourceDateEpoch } from './time.ts';

/** A build that is planned and not yet solved. */
export interface OpenedBuild {
  /** The caller closes it. */
  session: Session;
  fetches: BaseFetches;
  /** One per platform, as are the solvers. */
  plans: LabelledPlan[];
  /** The Dockerfile. */
  text: DockerfileText;
  solvers: Solver[];
  mounts: BuildCacheMounts;
  /** The image's time in seconds since 1970; undefined: no fixed time. */
  epoch: number | undefined;
  warnings: Diagnostic[];
}

/**
 * Text → instructions → stages → plan: reads the inputs of a build, and plans it.
 *
 * @param haltAt chooses the step at which solving stops (`debug`)
 * @param recorder writes the record of the build
 * @throws JettisonError for all errors of the inputs
 */
export async function openBuild(
  options: BuildOptions,
  emit: Emit,
  cancel: AbortController,
  haltAt?: (plans: readonly Plan[], session: Session) => HaltPoint,
  recorder?: BuildRecorder,
): Promise<OpenedBuild> {
  const named = readNamedContexts(options.contexts);
  isMultiPlatform(options.buildArgs, options.platforms?.length ?? 1);
  const inputs = await readInputs(options, named.files);
  emit({
    type: 'build.started',
    dockerfile: inputs.text?.name ?? options.file ?? 'Dockerfile',
    context: options.context,
    ...pick(options, 'target'),
  });
  // Errors of the text are reported before any work is done.
  const early = inputs.text && parseForBuild(inputs.text, options.buildArgs);

  const session = await Session.open(options, emit, cancel);
  try {
    await recorder?.begin(session);
    const opened = await openInputs(inputs, options, session);
    const dockerfile = early ?? parseForBuild(opened.text, options.buildArgs);
    const bases = new BaseImages({
      store: session.store,
      env: session.env,
      pull: options.pull ?? false,
      insecure: options.registryInsecure ?? false,
      signal: session.signal,
      emit: session.emit,
    });
    const epoch = await timeOf(options, dockerfile, { inputs, opened, named: named.files, session });
    const plans = await planAll(datedOptions(options, dockerfile, epoch), dockerfile, {
      named: named.contexts,
      ignore: opened.context.ignore,
      bases,
      signal: session.signal,
    });
    const { warnings } = plans[0]!;
    for (const { code, message, location, hint } of warnings) {
      emit({ type: 'warning', code, message, location, ...(hint === undefined ? {} : { hint }) });
    }
    const stages = plans.flatMap(({ plan }) => plan.stages.map(({ name }) => name));
    for (const unknown of unknownStages(dockerfile, options.noCacheFilter ?? [], stages)) {
      emit({ type: 'warning', code: 'STAGE_UNKNOWN', ...unknown });
    }
    refuseFindings(dockerfile, warnings);
    emit({ type: 'build.planned', steps: plans.flatMap(({ plan, label }) => stepInfos(plan, label)) });
    const halt = haltAt?.(
      plans.map(({ plan }) => plan),
      session,
    );
    const mounts = new BuildCacheMounts(await session.cache.load());
    const fetches = new BaseFetches(bases, session.emit, session.signal, plans);
    const parts = { session, opened, fetches, epoch, halt, mounts, recorder };
    const solvers = await makeSolvers(plans, options, parts);
    return { session, fetches, plans, text: opened.text, solvers, mounts, epoch, warnings };
  } catch (error) {
    await recorder?.fail(error, new Map());
    await session.close();
    throw error;
  }
}

/** A plan for one platform. In builds for several, the label is the platform. */
export interface LabelledPlan {
  plan: Plan;
  label: string | undefined;
  warnings: Diagnostic[];
}

/** Plans for each platform. @throws JettisonError `PLATFORM_FOREIGN` for a RUN that this machine cannot execute */
async function planAll(
  options: BuildOptions,
  dockerfile: Dockerfile,
  known: { named: NamedContexts; ignore: IgnoreRules; bases: BaseImages; signal: AbortSignal },
): Promise<LabelledPlan[]> {
  const platforms = options.platforms ?? [options.platform];
  return Promise.all(
    platforms.map(async (platform) => {
      const input = {
        ...planInput({ ...options, ...(platform === undefined ? {} : { platform }) }, dockerfile),
        contexts: known.named,
        ignoredBy: (path: string) => ignoredBy(known.ignore, path),
      };
      const resolve = (request: ImageRequest) => known.bases.resolve(request);
      const { plan, warnings } = await planWithBases(input, resolve, known.signal);
      // Builders say which platforms they run.
      if (!options.builders?.length) checkRunnable(plan);
      const label = platforms.length === 1 ? undefined : formatPlatform(plan.target.platform);
      return { plan, label, warnings };
    }),
  );
}

/** The image's time in seconds since 1970; undefined: no fixed time. */
async function timeOf(
  options: BuildOptions,
  dockerfile: Dockerfile,
  parts: {
    inputs: BuildInputs;
    opened: OpenedInputs;
    named: ReadonlyMap<string, ContextSource>;
    session: Session;
  },
): Promise<number | undefined> {
  const { inputs, opened, named, session } = parts;
  const epoch = sourceDateEpoch(options.buildArgs ?? {}, session.env);
  if (typeof epoch === 'number') return epoch;
  const dated = epoch !== undefined || (epoch !== '' && datesItself(dockerfile));
  if (dated) {
    // Loaded here, since most builds do not need it.
    const { sourceDate } = await import('./source-date.ts');
    const { buildArgs, ...scope } = planInput(options, dockerfile);
    const found = await session.wait(
      sourceDate(
        dockerfile,
        epoch,
        { globals: globalScope({ buildArgs, ...scope }), buildArgs },
        {
          main: inputs.source,
          context: opened.context,
          named,
          remotes: () => session.remotes.get(),
        },
      ),
    );
    if (found !== undefined) return found;
  }
  return options.reproducible ? lastCommitTime(directoryOf(inputs.source), session.env) : undefined;
}

/** Whether an ARG before the first FROM sets SOURCE_DATE_EPOCH. */
function datesItself({ globals }: Dockerfile): boolean {
  return globals.some(({ args }) => args.some(({ name }) => name.text === SOURCE_DATE_EPOCH));
}

/** The options with SOURCE_DATE_EPOCH as a number for ARGs, if it was a word; empty without a time. */
function datedOptions(
  options: BuildOptions,
  dockerfile: Dockerfile,
  epoch: number | undefined,
): BuildOptions {
  const { buildArgs = {} } = options;
  const given = buildArgs[SOURCE_DATE_EPOCH];
  const isWord = given !== undefined && !/^\d*$/.test(given);
  if (!isWord && (given !== undefined || !datesItself(dockerfile))) return options;
  return {
    ...options,
    buildArgs: { ...buildArgs, [SOURCE_DATE_EPOCH]: epoch === undefined ? '' : String(epoch) },
  };
}

/** One solver per platform. They share worker, caches and fetches. */
async function makeSolvers(
  plans: readonly LabelledPlan[],
  options: BuildOptions,
  parts: {
    session: Session;
    opened: OpenedInputs;
    fetches: BaseFetches;
    epoch: number | undefined;
    halt: HaltPoint | undefined;
    mounts: BuildCacheMounts;
    recorder: BuildRecorder | undefined;
  },
): Promise<Solver[]> {
  const { session, opened, fetches, epoch, halt, mounts, recorder } = parts;
  const agents = findAgents(options.ssh ?? {});
  const shared = {
    store: session.store,
    buildContext: options.reproducible ? withGitModes(opened.context) : opened.context,
    named: (name: string) => opened.contexts.named(name),
    remotes: () => session.remotes.get(),
    worker: () => session.worker.get(),
    forms: () => session.worker.forms(),
    fetchBlob: (blob: Descriptor) => fetches.fetchBlob(blob),
    baseFetch: (image: BaseImage) => fetches.of(image),
    signal: session.signal,
    noCache: options.noCache ?? false,
    noCacheStages: new Set((options.noCacheFilter ?? []).map((name) => name.toLowerCase())),
    // All times are replaced in the end, so another time must not change the keys.
    time: options.reproducible ? 0 : (epoch ?? 0),
    secrets: session.secrets,
    agents,
    elsewhere: await session.elsewhere(options, agents),
    command: options.command,
    halt,
    warned: new Set<string>(),
    run: {
      hosts: options.hosts ?? [],
      limits: options.limits ?? {},
      ulimits: options.ulimits ?? [],
      ...pick(options, 'shmSize', 'timeout'),
    },
    shared: await session.cache.load(),
    cacheMounts: mounts,
  };
  return plans.map(({ plan, label }) => {
    const emit = label === undefined ? session.emit : forPlatform(session.emit, label);
    return new Solver({ ...shared, emit, watch: recorder?.watching(label) }, plan);
  });
}

/** An `Emit` that prefixes ids of steps with the platform. */
function forPlatform(emit: Emit, platform: string): Emit {
  return (event) => {
    if ('step' in event) return emit({ ...event, step: `${platform} ${event.step}` });
    emit(event.type === 'transfer' ? { ...event, of: `${platform} ${event.of}` } : event);
  };
}

/** `# check=error=true`: findings stop the build. */
function refuseFindings({ checks, file }: Dockerfile, warnings: Diagnostic[]): void {
  const found = [...new Set(warnings.map(({ code }) => code).filter((code) => RULES.has(code)))];
  if (!checks.error || found.length === 0) return;
  throw new JettisonError('CHECKS_FAILED', `${file} does not pass its checks: ${found.join(', ')}`, {
    hint: 'Fix the warnings, or remove error=true from the check directive.',
  });
}
