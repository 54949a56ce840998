import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { BuildCache } from './build-cache.ts';
import { lastCommitTime, sourceDateEpoch } from './build-time.ts';
import type { CacheSource, CacheTarget } from './cache/places.ts';
import type { Context } from './context/context.ts';
import { type DockerfileText, readDockerfile } from './context/dockerfile.ts';
import { withGitModes } from './context/git-modes.ts';
import { ignoredBy, ignoreRules, parseIgnore } from './context/ignore.ts';
import { checkContext, openLocalContext } from './context/local.ts';
import { type ContextSource, contextSource } from './context/source.ts';
import type { Diagnostic, Dockerfile } from './dockerfile/ast.ts';
import { CHECKS } from './dockerfile/checks.ts';
import { EXIT, JettisonError } from './errors/error.ts';
import { emitTo } from './events/emit.ts';
import type { BuildEvent, Emit } from './events/event.ts';
import { ImageMaker, type MadeImage } from './export/image-maker.ts';
import type { BuiltPlatform, Output } from './export/output.ts';
import { exportAll } from './export/outputs.ts';
import type { Digest } from './image/digest.ts';
import { formatPlatform } from './image/platform.ts';
import { canonicalName } from './image/reference.ts';
import type { Descriptor, ImageConfig } from './image/types.ts';
import type { Plan } from './plan/plan.ts';
import { parseForBuild, planInput, planWithBases, readNamedContexts } from './planning.ts';
import type { Remotes } from './remote/remotes.ts';
import { BaseImages } from './solve/base-images.ts';
import { Contexts } from './solve/contexts.ts';
import { checkRunnable } from './solve/emulation.ts';
import { imageConfig } from './solve/image-config.ts';
import { Solver } from './solve/solver.ts';
import { stepInfos } from './step-infos.ts';
import { openStore, type Store } from './store/store.ts';
import type { Limits, Ulimit, Worker } from './worker/protocol.ts';
import type { RungChoice } from './worker/rung.ts';

/** What a secret's content is taken from, when a step asks for it. */
export type SecretSource = { file: string } | { env: string } | { value: string };

export interface BuildOptions {
  /**
   * What COPY reads: a directory, a tar, a git or http URL, or `-` for a tar or a Dockerfile from `stdin`.
   */
  context: string;
  /**
   * The Dockerfile, relative to the working directory, in other contexts than directories to their root; `-` reads
   * `stdin`. Default: `Dockerfile` in the context.
   */
  file?: string;
  /**
   * Contexts by name, which take the place of stages, images and contexts: a directory, a tar, a URL,
   * `docker-image://NAME` or `oci-layout://FOLDER[:TAG|@DIGEST]`.
   */
  contexts?: Record<string, string>;
  /** Where a context or a Dockerfile named `-` comes from. */
  stdin?: AsyncIterable<Uint8Array | string>;
  /** Name or number of the stage to build; default: the last one. */
  target?: string;
  /** Names for the image; without any it is kept by its id. */
  tags?: string[];
  buildArgs?: Record<string, string>;
  /** Added to the image's labels. */
  labels?: Record<string, string>;
  /** By the id that `RUN --mount=type=secret,id=` names. */
  secrets?: Record<string, SecretSource>;
  /** Sockets of SSH agents, by the id that `RUN --mount=type=ssh` names (mostly `default`). */
  ssh?: Record<string, string>;
  /** Use nothing that earlier builds made. */
  noCache?: boolean;
  /** Ask registries for newer base images even where the store has some. */
  pull?: boolean;
  /** Network of RUN where the instruction does not say; default: the host's. */
  network?: 'host' | 'none';
  /** Names to add to /etc/hosts of RUN: `[name, address]`. */
  hosts?: [string, string][];
  /** How much of the machine one RUN may use, as far as the machine's control groups allow that. */
  limits?: Limits;
  /** Resource limits of setrlimit(2) for RUN. */
  ulimits?: Ulimit[];
  /** Bytes of /dev/shm in RUN; default: 64 MiB. */
  shmSize?: number;
  /** Milliseconds that one RUN may take; default: any number. */
  timeout?: number;
  /** Whether RUN may ask for `--security=insecure`. */
  allowInsecure?: boolean;
  /** How RUN may run: `auto` is the best that this machine allows. With `none` it does not. */
  isolation?: RungChoice;
  /** `os/architecture[/variant]`; default: this machine's. */
  platform?: string;
  /** Several of them, for an image that is an index; takes the place of `platform`. */
  platforms?: string[];
  /** Where the result goes; default: the store. */
  outputs?: Output[];
  /**
   * Make the same digests of the same input anywhere: all times are SOURCE_DATE_EPOCH, else that of the context's
   * last commit, and of the modes of the context's files only that counts which git keeps.
   */
  reproducible?: boolean;
  /** Accept any certificate of registries, and plain http. */
  registryInsecure?: boolean;
  /** Where steps that other machines have carried out are looked up. */
  cacheFrom?: CacheSource[];
  /** Where this build's steps are kept for other machines. */
  cacheTo?: CacheTarget[];
  /** Folder of the store; default: see `openStore`. */
  home?: string;
  /** Environment for `$JETTISON_HOME`, `$SOURCE_DATE_EPOCH`, secrets and proxies; default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Cancels the build: commands are killed, nothing is left behind. */
  signal?: AbortSignal;
  /** Gets everything that happens, as it happens. */
  onEvent?: (event: BuildEvent) => void;
}

/** The image that a build made. For several platforms the digest is the index's; id and config are the first one's. */
export interface ImageResult {
  /** Digest of the manifest. */
  digest: Digest;
  /** Digest of the config: what Docker calls the image id. */
  imageId: Digest;
  manifest: Descriptor;
  config: Omit<ImageConfig, 'rootfs'>;
}

/** Without the facts of an image when only its files were asked for. */
export interface BuildResult extends Partial<ImageResult> {
  /** Canonical names of the image. */
  tags: string[];
  warnings: Diagnostic[];
}

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
    const shown = options.signal?.aborted ? interrupted() : (error as Error);
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
  const env = options.env ?? process.env;
  const tags = (options.tags ?? []).map((tag) => canonicalName(tag));

  // Text → instructions → stages.
  const named = readNamedContexts(options.contexts);
  const source = mainSource(options);
  const found = source.kind === 'directory' ? await findDockerfile(options, source.path) : undefined;
  emit({
    type: 'build.started',
    dockerfile: found?.name ?? options.file ?? 'Dockerfile',
    context: options.context,
    ...pick(options, 'target'),
  });
  // What is wrong with the text is said before anything else is done.
  if (found !== undefined) parseForBuild(found, options.buildArgs);

  const store = openStore({ env, ...pick(options, 'home') });
  const endLease = await store.leases.use(cancel.signal);
  const worker = new OnDemandWorker(store, options.isolation ?? 'auto');
  const remotes = new OnDemandRemotes(store, env, cancel.signal);
  const cache = new BuildCache({
    ...{ store, env, emit, signal: cancel.signal },
    from: options.cacheFrom ?? [],
    to: options.cacheTo ?? [],
  });
  try {
    const contexts = new Contexts({
      store,
      signal: cancel.signal,
      named: named.files,
      remotes: () => remotes.get(),
      worker: () => worker.get(),
    });
    const { text, context } =
      source.kind === 'directory'
        ? { text: found!, context: openDirectory(source.path, found!, store, cancel.signal) }
        : await abortOnFailure(
            cancel,
            contexts.main(source, options.file, options.stdin ?? Readable.from([])),
          );
    const dockerfile = parseForBuild(text, options.buildArgs);

    // Stages → plan.
    const bases = new BaseImages({
      store,
      env,
      pull: options.pull ?? false,
      insecure: options.registryInsecure ?? false,
      signal: cancel.signal,
    });
    const platforms = options.platforms ?? [options.platform];
    const planned = await Promise.all(
      platforms.map((platform) =>
        planWithBases(
          {
            ...planInput({ ...options, ...(platform === undefined ? {} : { platform }) }, dockerfile),
            contexts: named.contexts,
            ignoredBy: (path) => ignoredBy(context.ignore, path),
          },
          (request) => bases.resolve(request),
        ),
      ),
    );
    const { warnings } = planned[0]!;
    for (const { code, message, location, hint } of warnings) {
      emit({ type: 'warning', code, message, location, ...(hint === undefined ? {} : { hint }) });
    }
    refuseFindings(dockerfile, warnings);
    for (const { plan } of planned) checkRunnable(plan);
    const labels = planned.map(({ plan }) =>
      planned.length === 1 ? undefined : formatPlatform(plan.target.platform),
    );
    emit({ type: 'build.planned', steps: planned.flatMap(({ plan }, i) => stepInfos(plan, labels[i])) });

    // Plan → steps → layers.
    const epoch =
      sourceDateEpoch(options.buildArgs ?? {}, env) ??
      (options.reproducible ? await lastCommitTime(directoryOf(source), env) : undefined);
    const shared = await cache.load();
    const solvers: Solver[] = [];
    const fetchBlob = (blob: Descriptor) => bases.fetchBlob(blob);
    const secrets = readSecrets(options.secrets ?? {}, env);
    const told = new Set<string>();
    const agents = findAgents(options.ssh ?? {});
    const created = epoch === undefined ? undefined : new Date(epoch * 1000).toISOString();
    const solve = async ({ plan }: { plan: Plan }, index: number): Promise<BuiltPlatform> => {
      const label = labels[index];
      const solver = new Solver(
        {
          store,
          context: options.reproducible ? withGitModes(context) : context,
          named: (name) => contexts.named(name),
          remotes: () => remotes.get(),
          emit: label === undefined ? emit : forPlatform(emit, label),
          signal: cancel.signal,
          noCache: options.noCache ?? false,
          // Where all times are replaced in the end, layers need not be made anew because of another one.
          time: options.reproducible ? 0 : (epoch ?? 0),
          secrets,
          agents,
          told,
          run: {
            hosts: options.hosts ?? [],
            limits: options.limits ?? {},
            ulimits: options.ulimits ?? [],
            ...pick(options, 'shmSize', 'timeout'),
          },
          worker: () => worker.get(),
          fetchBlob,
          shared,
        },
        plan,
      );
      solvers[index] = solver;
      const layers = await solver.solve();
      const { platform } = plan.target;
      const config = imageConfig(plan.target, layers, created);
      return { platform, config, layers, files: () => solver.files(layers) };
    };
    const built = await abortOnFailure(cancel, Promise.all(planned.map(solve)));

    await abortOnFailure(cancel, cache.addInline(built, solvers));

    // Layers → image → destination.
    const outputs: Output[] = options.outputs?.length ? options.outputs : [{ type: 'image' }];
    const setTime = options.reproducible ? epoch : undefined;
    const maker = new ImageMaker({ store, built, epoch, setTime, fetchBlob });
    const { made, names } = await abortOnFailure(
      cancel,
      exportAll(
        {
          ...{ store, built, maker, tags, env, emit, fetchBlob, time: epoch, signal: cancel.signal },
          worker: () => worker.get(),
        },
        outputs,
      ),
    );
    await abortOnFailure(cancel, cache.export(solvers, fetchBlob));
    const image = made && imageResult(made, built);
    emit({
      type: 'build.finished',
      ...(image && { digest: image.digest, imageId: image.imageId, layers: packedSize(made!) }),
      tags: names,
      durationMs: Date.now() - started,
    });
    return { ...image, tags: names, warnings };
  } finally {
    await worker.close();
    await remotes.close();
    await cache.close();
    // Steps that lost their worker say so before the build does.
    await setImmediate();
    endLease();
    store.close();
  }
}

/** @throws JettisonError `CONTEXT_STDIN` */
function mainSource({ context, file, buildArgs = {} }: BuildOptions): ContextSource {
  const source = contextSource(context);
  if (source.kind === 'stdin' && file === '-') {
    throw new JettisonError('CONTEXT_STDIN', 'standard input cannot be both the context and the Dockerfile', {
      hint: 'Leave out "-f -", or give another context.',
      exitCode: EXIT.usage,
    });
  }
  const keep = buildArgs['BUILDKIT_CONTEXT_KEEP_GIT_DIR'];
  if (source.kind === 'git' && keep !== undefined && /^(1|t|true)$/i.test(keep))
    source.source.keepGitDir = true;
  return source;
}

async function findDockerfile(options: BuildOptions, directory: string): Promise<DockerfileText> {
  checkContext(directory);
  return readDockerfile({ directory, ...pick(options, 'file', 'stdin') });
}

function openDirectory(directory: string, text: DockerfileText, store: Store, signal: AbortSignal): Context {
  const { ignoreText, ignoreName } = text;
  const ignore = ignoreText === undefined ? ignoreRules([], '') : parseIgnore(ignoreText, ignoreName!);
  return openLocalContext({ directory, ignore, memory: store.layout, signal });
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

/** The directory that a build is made from; for contexts from elsewhere the working directory says nothing. */
function directoryOf(source: ContextSource): string | undefined {
  return source.kind === 'directory' ? source.path : undefined;
}

/** `# check=error=true`: what would only be a warning stops the build. */
function refuseFindings({ checks, file }: Dockerfile, warnings: Diagnostic[]): void {
  const found = [...new Set(warnings.map(({ code }) => code).filter((code) => Object.hasOwn(CHECKS, code)))];
  if (!checks.error || found.length === 0) return;
  throw new JettisonError('CHECKS_FAILED', `${file} does not pass its checks: ${found.join(', ')}`, {
    hint: 'Correct what the warnings name, or take error=true out of its check directive.',
  });
}

/**
 * When one part fails, the others need not go on; and when the build is cancelled, nothing that takes long is
 * waited for: it ends with the worker.
 */
async function abortOnFailure<T>(cancel: AbortController, work: Promise<T>): Promise<T> {
  const { signal } = cancel;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (!signal.aborted) cancel.abort(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function readSecrets(sources: Record<string, SecretSource>, env: NodeJS.ProcessEnv): Map<string, Uint8Array> {
  const secrets = new Map<string, Uint8Array>();
  for (const [id, source] of Object.entries(sources)) {
    if ('value' in source) {
      secrets.set(id, Buffer.from(source.value));
    } else if ('env' in source) {
      const value = env[source.env];
      if (value === undefined) throw missingSecret(id, `the variable ${source.env} is not set`);
      secrets.set(id, Buffer.from(value));
    } else {
      try {
        secrets.set(id, readFileSync(resolve(source.file)));
      } catch (error) {
        throw missingSecret(id, (error as Error).message);
      }
    }
  }
  return secrets;
}

function missingSecret(id: string, reason: string): JettisonError {
  return new JettisonError('SECRET_UNREADABLE', `the secret "${id}" cannot be read: ${reason}`, {
    hint: 'Check --secret: id=NAME,src=FILE or id=NAME,env=VARIABLE.',
    exitCode: EXIT.usage,
  });
}

/** @throws JettisonError `SSH_UNUSABLE` for a path that is no socket */
function findAgents(sockets: Record<string, string>): Map<string, string> {
  return new Map(
    Object.entries(sockets).map(([id, path]) => {
      if (statSync(path, { throwIfNoEntry: false })?.isSocket()) return [id, resolve(path)];
      throw new JettisonError('SSH_UNUSABLE', `the SSH agent "${id}" cannot be used: ${path} is no socket`, {
        hint: 'Keys are handed in through an agent: `eval "$(ssh-agent)" && ssh-add KEY`, then --ssh default.',
        exitCode: EXIT.usage,
      });
    }),
  );
}

function interrupted(): JettisonError {
  return new JettisonError('INTERRUPTED', 'the build was interrupted', { exitCode: EXIT.interrupted });
}

/** The second process, started when a step first needs it: a build in which everything is cached has none. */
class OnDemandWorker {
  private starting?: Promise<Worker>;

  constructor(
    private readonly store: Store,
    private readonly rung: RungChoice,
  ) {}

  get(): Promise<Worker> {
    this.starting ??= import('./worker/client.ts').then(({ startBestWorker }) =>
      startBestWorker(this.rung, { home: this.store.layout.home }),
    );
    return this.starting;
  }

  async close(): Promise<void> {
    const worker = await this.starting?.catch(() => undefined);
    await worker?.close();
  }
}

/** URLs and repositories are fetched by code that most builds do not load. */
class OnDemandRemotes {
  private starting?: Promise<Remotes>;

  constructor(
    private readonly store: Store,
    private readonly env: NodeJS.ProcessEnv,
    private readonly signal: AbortSignal,
  ) {}

  get(): Promise<Remotes> {
    const { store, env, signal } = this;
    this.starting ??= import('./remote/remotes.ts').then(
      ({ Remotes }) => new Remotes({ layout: store.layout, env, signal }),
    );
    return this.starting;
  }

  async close(): Promise<void> {
    (await this.starting)?.close();
  }
}

/** Members of an object that are set: for options that must be absent rather than undefined. */
function pick<T extends object, K extends keyof T>(
  from: T,
  ...names: K[]
): { [P in K]?: Exclude<T[P], undefined> } {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]),
  ) as {
    [P in K]?: Exclude<T[P], undefined>;
  };
}
