import { interrupted } from './conductor/cancellation.ts';
import { directoryOf, type Given, openGiven, readGiven } from './conductor/main-context.ts';
import { type BuildOptions, type BuildResult, type ImageResult, pick } from './conductor/options.ts';
import { parseForBuild, planInput, planWithBases, readNamedContexts } from './conductor/planning.ts';
import { findAgents, readSecrets } from './conductor/secrets.ts';
import { Session } from './conductor/session.ts';
import { stepInfos } from './conductor/step-infos.ts';
import { lastCommitTime, sourceDateEpoch } from './conductor/time.ts';
import { withGitModes } from './context/git-modes.ts';
import { type IgnoreRules, ignoredBy } from './context/ignore.ts';
import type { Diagnostic, Dockerfile } from './dockerfile/ast.ts';
import { CHECKS } from './dockerfile/checks.ts';
import { JettisonError } from './errors/error.ts';
import { fromSystemError } from './errors/system.ts';
import { emitTo } from './events/emit.ts';
import type { Emit } from './events/event.ts';
import { ImageMaker, type MadeImage } from './export/image-maker.ts';
import type { BuiltPlatform } from './export/output.ts';
import { exportAll } from './export/outputs.ts';
import { formatPlatform } from './image/platform.ts';
import { canonicalName } from './image/reference.ts';
import type { Descriptor } from './image/types.ts';
import type { NamedContexts } from './plan/named-contexts.ts';
import type { Plan } from './plan/plan.ts';
import { BaseImages } from './solve/base-images.ts';
import { BuildCacheMounts } from './solve/cache-mounts.ts';
import { checkRunnable } from './solve/emulation.ts';
import { imageConfig } from './solve/image-config.ts';
import { Solver } from './solve/solver.ts';
import { defaultHome } from './store/layout.ts';

export type { BuildOptions, BuildResult, ImageResult, SecretSource } from './conductor/options.ts';

/**
 * Builds an image from a Dockerfile and puts it into the store: what `jettison build` does.
 *
 * @throws JettisonError for everything that is wrong with the input or the machine; code `INTERRUPTED` (exit
 * code 130) when `signal` was aborted
 */
export function build(options: BuildOptions & { outputs?: never }): Promise<BuildResult & ImageResult>;
export function build(options: BuildOptions): Promise<BuildResult>;
export async function build(options: BuildOptions): Promise<BuildResult> {
  const started = Date.now();
  const emit = emitTo(options.onEvent ?? (() => {}));
  const cancel = new AbortController();
  const interrupt = () => cancel.abort(interrupted());
  if (options.signal?.aborted) interrupt();
  options.signal?.addEventListener('abort', interrupt, { once: true });
  try {
    const result = await buildWith(options, emit, cancel, started);
    return result;
  } catch (error) {
    const home = options.home ?? defaultHome(options.env);
    const shown = options.signal?.aborted
      ? interrupted()
      : (fromSystemError(error, home) ?? (error as Error));
    emit({ type: 'build.failed', error: shown, durationMs: Date.now() - started });
    throw shown;
  } finally {
    options.signal?.removeEventListener('abort', interrupt);
  }
}

/** The story of one build. */
async function buildWith(
  options: BuildOptions,
  emit: Emit,
  cancel: AbortController,
  started: number,
): Promise<BuildResult> {
  const tags = (options.tags ?? []).map((tag) => canonicalName(tag));

  // Text → instructions → stages.
  const named = readNamedContexts(options.contexts);
  const given = await readGiven(options, named.files);
  emit({
    type: 'build.started',
    dockerfile: given.text?.name ?? options.file ?? 'Dockerfile',
    context: options.context,
    ...pick(options, 'target'),
  });
  // What is wrong with the text is said before anything else is done.
  if (given.text !== undefined) parseForBuild(given.text, options.buildArgs);

  const session = await Session.open(options, emit, cancel);
  try {
    const input = await openGiven(given, options, session);
    const dockerfile = parseForBuild(input.text, options.buildArgs);

    // Stages → plan.
    const bases = new BaseImages({
      store: session.store,
      env: session.env,
      pull: options.pull ?? false,
      insecure: options.registryInsecure ?? false,
      signal: session.signal,
    });
    const plans = await planAll(options, dockerfile, {
      named: named.contexts,
      ignore: input.context.ignore,
      bases,
    });
    const { warnings } = plans[0]!;
    for (const { code, message, location, hint } of warnings) {
      emit({ type: 'warning', code, message, location, ...(hint === undefined ? {} : { hint }) });
    }
    refuseFindings(dockerfile, warnings);
    emit({ type: 'build.planned', steps: plans.flatMap(({ plan, label }) => stepInfos(plan, label)) });

    // Plan → steps → layers.
    const epoch = await timeOf(options, given, session.env);
    const secrets = readSecrets(options.secrets ?? {}, session.env);
    const mounts = new BuildCacheMounts(await session.cache.load());
    const solvers = await makeSolvers(plans, options, { session, input, bases, epoch, secrets, mounts });
    const built = await session.wait(
      Promise.all(plans.map(({ plan }, i) => solveFor(plan, solvers[i]!, epoch))),
    );
    await session.wait(session.cache.addInline(built, solvers));

    // Layers → image → destination.
    const { store, env, signal } = session;
    const fetchBlob = (blob: Descriptor) => bases.fetchBlob(blob);
    const setTime = options.reproducible ? epoch : undefined;
    const maker = new ImageMaker({ store, built, epoch, setTime, fetchBlob });
    const { made, names } = await session.wait(
      exportAll(
        {
          store,
          built,
          maker,
          tags,
          env,
          emit,
          fetchBlob,
          time: epoch,
          signal,
          worker: () => session.worker.get(),
        },
        options.outputs?.length ? options.outputs : [{ type: 'image' }],
      ),
    );
    const work = { solvers, plans: plans.map(({ plan }) => plan), mounts, secrets };
    await session.wait(session.cache.export(work));
    const image = made && imageResult(made, built);
    emit({
      type: 'build.finished',
      ...(image && { digest: image.digest, imageId: image.imageId, layers: packedSize(made!) }),
      tags: names,
      durationMs: Date.now() - started,
    });
    return { ...image, tags: names, warnings };
  } finally {
    await session.close();
  }
}

/** A plan for one platform; several of them have labels to tell them apart. */
interface LabelledPlan {
  plan: Plan;
  label: string | undefined;
  warnings: Diagnostic[];
}

/** Plans for each platform that is asked for. @throws JettisonError `PLATFORM_FOREIGN` for a RUN that cannot be */
async function planAll(
  options: BuildOptions,
  dockerfile: Dockerfile,
  known: { named: NamedContexts; ignore: IgnoreRules; bases: BaseImages },
): Promise<LabelledPlan[]> {
  const platforms = options.platforms ?? [options.platform];
  return Promise.all(
    platforms.map(async (platform) => {
      const input = {
        ...planInput({ ...options, ...(platform === undefined ? {} : { platform }) }, dockerfile),
        contexts: known.named,
        ignoredBy: (path: string) => ignoredBy(known.ignore, path),
      };
      const { plan, warnings } = await planWithBases(input, (request) => known.bases.resolve(request));
      checkRunnable(plan);
      const label = platforms.length === 1 ? undefined : formatPlatform(plan.target.platform);
      return { plan, label, warnings };
    }),
  );
}

/** Seconds since 1970 that the image's times are set to, if they are. */
async function timeOf(
  options: BuildOptions,
  { source }: Given,
  env: NodeJS.ProcessEnv,
): Promise<number | undefined> {
  const told = sourceDateEpoch(options.buildArgs ?? {}, env);
  return told ?? (options.reproducible ? lastCommitTime(directoryOf(source), env) : undefined);
}

/** A solver for each platform; what is expensive they share. */
async function makeSolvers(
  plans: readonly LabelledPlan[],
  options: BuildOptions,
  parts: {
    session: Session;
    input: Awaited<ReturnType<typeof openGiven>>;
    bases: BaseImages;
    epoch: number | undefined;
    secrets: ReadonlyMap<string, Uint8Array>;
    mounts: BuildCacheMounts;
  },
): Promise<Solver[]> {
  const { session, input, bases, epoch, secrets, mounts } = parts;
  const shared = {
    store: session.store,
    context: options.reproducible ? withGitModes(input.context) : input.context,
    named: (name: string) => input.contexts.named(name),
    remotes: () => session.remotes.get(),
    worker: () => session.worker.get(),
    forms: () => session.worker.forms(),
    fetchBlob: (blob: Descriptor) => bases.fetchBlob(blob),
    signal: session.signal,
    noCache: options.noCache ?? false,
    // Where all times are replaced in the end, layers need not be made anew because of another one.
    time: options.reproducible ? 0 : (epoch ?? 0),
    secrets,
    agents: findAgents(options.ssh ?? {}),
    told: new Set<string>(),
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
    return new Solver({ ...shared, emit }, plan);
  });
}

async function solveFor(plan: Plan, solver: Solver, epoch: number | undefined): Promise<BuiltPlatform> {
  const layers = await solver.solve();
  const created = epoch === undefined ? undefined : new Date(epoch * 1000).toISOString();
  const config = imageConfig(plan.target, layers, created);
  return { platform: plan.target.platform, config, layers, files: () => solver.files(layers) };
}

/** What a result is known by. */
function imageResult({ target, images }: MadeImage, built: readonly BuiltPlatform[]): ImageResult {
  return { digest: target.digest, imageId: images[0]!.id, manifest: target, config: built[0]!.config };
}

/** Layers and bytes of an image, of all its platforms. */
function packedSize({ images }: MadeImage): { count: number; bytes: number } {
  const layers = images.flatMap(({ manifest }) => manifest.layers);
  return { count: layers.length, bytes: layers.reduce((sum, { size }) => sum + size, 0) };
}

/** The events of one platform's steps, which have the platform in their ids. */
function forPlatform(emit: Emit, platform: string): Emit {
  return (event) => emit('step' in event ? { ...event, step: `${platform} ${event.step}` } : event);
}

/** `# check=error=true`: what would only be a warning stops the build. */
function refuseFindings({ checks, file }: Dockerfile, warnings: Diagnostic[]): void {
  const found = [...new Set(warnings.map(({ code }) => code).filter((code) => Object.hasOwn(CHECKS, code)))];
  if (!checks.error || found.length === 0) return;
  throw new JettisonError('CHECKS_FAILED', `${file} does not pass its checks: ${found.join(', ')}`, {
    hint: 'Correct what the warnings name, or take error=true out of its check directive.',
  });
}
