import type { ContextSource } from '../context/context-source.ts';
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
  /** One for each platform, as are the solvers. */
  plans: LabelledPlan[];
  solvers: Solver[];
  mounts: BuildCacheMounts;
  /** Seconds since 1970 that the image's times are set to, if they are. */
  epoch: number | undefined;
  warnings: Diagnostic[];
}

/**
 * Text → instructions → stages → plan: reads the inputs of a build, and plans it.
 *
 * @param haltAt chooses where solving stops, if it is to stop
 * @param recorder enters the build into those on record
 * @throws JettisonError for everything that is wrong with it
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
  // Errors of the text come before anything else is done.
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
    return { session, fetches, plans, solvers, mounts, epoch, warnings };
  } catch (error) {
    await recorder?.fail(error, new Map());
    await session.close();
    throw error;
  }
}

/** A plan for one platform; several of them have labels to tell them apart. */
export interface LabelledPlan {
  plan: Plan;
  label: string | undefined;
  warnings: Diagnostic[];
}

/** Plans for each platform that is asked for. @throws JettisonError `PLATFORM_FOREIGN` for a RUN that cannot be */
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
      checkRunnable(plan);
      const label = platforms.length === 1 ? undefined : formatPlatform(plan.target.platform);
      return { plan, label, warnings };
    }),
  );
}

/** Seconds since 1970 that the image's times are set to, if they are. */
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
    // Loaded here: most builds do not ask.
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

/** Whether an ARG before the first FROM gives the time. */
function datesItself({ globals }: Dockerfile): boolean {
  return globals.some(({ args }) => args.some(({ name }) => name.text === SOURCE_DATE_EPOCH));
}

/** The options with the time that a word stood for, as ARGs get it; nothing where there is none. */
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

/** A solver for each platform; they share worker, caches and fetches. */
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
    // Where all times are replaced in the end, layers need not be made anew because of another one.
    time: options.reproducible ? 0 : (epoch ?? 0),
    secrets: session.secrets,
    agents: findAgents(options.ssh ?? {}),
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

/** The events of one platform's steps, which have the platform in their ids. */
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
    hint: 'Correct what the warnings name, or take error=true out of its check directive.',
  });
}
