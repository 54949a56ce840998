import { EXIT, JettisonError } from '../errors/error.ts';
import { fromSystemError } from '../errors/system.ts';
import { emitTo } from '../events/emit.ts';
import type { Emit } from '../events/event.ts';
import { exporterOf, isImageOutput } from '../export/exporters.ts';
import { ImageMaker } from '../export/image-maker.ts';
import type { BuiltPlatform } from '../export/output.ts';
import { exportAll } from '../export/outputs.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageSet } from '../image/image.ts';
import { canonicalName } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import type { Plan } from '../plan/plan.ts';
import { imageConfig } from '../solve/image-config.ts';
import { despiteLosses } from '../solve/lost-layers.ts';
import type { Solver } from '../solve/solver.ts';
import { defaultHome } from '../store/layout.ts';
import type { Store } from '../store/store.ts';
import type { BuildAttestations } from './attestations.ts';
import { BuildRecorder } from './build-recorder.ts';
import { cancelledBy, interrupted } from './cancellation.ts';
import { MadeLayers } from './made-layers.ts';
import { isMultiPlatform } from './multi-platform.ts';
import { type LabelledPlan, type OpenedBuild, openBuild } from './open-build.ts';
import { type BuildOptions, type BuildResult, checkOptions, type ImageResult } from './options.ts';
import { ProvenanceNotes } from './provenance-notes.ts';
import { secretWarnings } from './secret-warnings.ts';

export type { BuildOptions, BuildResult, ImageResult, SecretSource } from './options.ts';

/**
 * Builds an image from a Dockerfile and puts it into the store: what `jettison build` does.
 *
 * @throws JettisonError for all errors of the input and the machine; `INTERRUPTED` (exit code 130) when `signal` was
 * aborted
 */
export function build(options: BuildOptions & { outputs?: never }): Promise<BuildResult & ImageResult>;
export function build(options: BuildOptions): Promise<BuildResult>;
export async function build(options: BuildOptions): Promise<BuildResult> {
  checkOptions(options);
  for (const output of options.outputs ?? []) exporterOf(output);
  checkAttestations(options);
  checkBuilders(options);
  const started = Date.now();
  const emit = emitTo(options.onEvent ?? (() => {}));
  const { cancel, release } = cancelledBy(options.signal);
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
    release();
  }
}

/** One build, from its text to its outputs. */
async function buildWith(
  options: BuildOptions,
  emit: Emit,
  cancel: AbortController,
  started: number,
): Promise<BuildResult> {
  const tags = (options.tags ?? []).map((tag) => canonicalName(tag));

  // Text → instructions → stages → plan.
  const notes = new ProvenanceNotes(options.context);
  const recorder = new BuildRecorder(options, started);
  const madeLayers = new MadeLayers();
  const emitAll = recorder.listening(notes.listening(madeLayers.listening(emit)));
  const opened = await openBuild(options, emitAll, cancel, undefined, recorder);
  const { session, fetches, plans, solvers, mounts, epoch, warnings } = opened;
  try {
    const { store, env, signal } = session;
    const setTime = options.reproducible ? epoch : undefined;
    const asIndex = isMultiPlatform(options.buildArgs, plans.length);
    const fetchBlob = (blob: Descriptor) =>
      solvers.reduce((work, solver) => solver.withBlob(blob, work), fetches.fetchBlob(blob));
    // Plan → steps → layers.
    const solveAll = () => Promise.all(plans.map(({ plan }, i) => solveFor(plan, solvers[i]!, epoch)));
    const noteImage = (id: Digest, at: number) => {
      const { plan, label } = plans[at]!;
      session.store.provenance.put(id, notes.of(plan, label));
    };
    // Layers → image → destination. A lost layer of a cache is noticed here at the latest.
    const solveAndExport = async () => {
      const built = await solveAll();
      await session.cache.addInline(built, solvers);
      const attestations = await attestationsOf(options, opened, { built, started, fetchBlob, noteImage });
      const attest = attestations?.statements.bind(attestations);
      const maker = new ImageMaker({ store, built, asIndex, epoch, setTime, fetchBlob, attest });
      const exported = await exportAll(
        {
          store,
          built,
          asIndex,
          maker,
          tags,
          env,
          emit: emitAll,
          fetchBlob,
          time: epoch,
          signal,
          worker: () => session.worker.get(),
        },
        options.outputs?.length ? options.outputs : [{ type: 'image' }],
      );
      return { built, ...exported, provenance: attestations?.provenance };
    };
    const { built, made, names, provenance } = await session.wait(
      despiteLosses(solvers, signal, solveAndExport),
    );
    const work = { solvers, plans: plans.map(({ plan }) => plan), mounts, secrets: session.secrets };
    let isSolved = true;
    const exportCaches = async () => {
      if (!isSolved) await solveAll();
      isSolved = false;
      await session.cache.export(work);
    };
    await session.wait(despiteLosses(solvers, signal, exportCaches));
    for (const [at, { id }] of (made?.images ?? []).entries()) noteImage(id, at);
    const ids = made?.images.map(({ id }) => id) ?? [];
    const from = plans[0]!.plan.target.location;
    const secrets =
      ids.length === 0
        ? []
        : await secretWarnings(store, {
            built,
            ids,
            made: madeLayers,
            known: warnings,
            text: opened.text.text,
            from,
          });
    for (const warning of secrets) emitAll({ type: 'warning', ...warning });
    const image = made && imageResult(made, built);
    await recorder.succeed({ ...image, tags: names }, definitionsOf(solvers, plans));
    emitAll({
      type: 'build.finished',
      ...(image && {
        digest: image.digest,
        imageId: image.imageId,
        layers: sizesOf(session.store, built, made!),
      }),
      tags: names,
      durationMs: Date.now() - started,
    });
    return {
      ...image,
      tags: names,
      warnings: [...warnings, ...secrets],
      ...(provenance?.length && { provenance }),
    };
  } catch (error) {
    await recorder.fail(error, definitionsOf(solvers, plans));
    throw error;
  } finally {
    await session.close();
  }
}

/** @throws JettisonError `OUTPUT_INVALID` for attestations of a build whose outputs are only files */
function checkAttestations({ attest, outputs = [] }: BuildOptions): void {
  if (!attest?.sbom && attest?.provenance === undefined) return;
  if (outputs.length === 0 || outputs.some(isImageOutput)) return;
  throw new JettisonError(
    'OUTPUT_INVALID',
    'attestations are stored with an image, and this build makes none',
    {
      hint: 'Add an output of an image, such as type=oci or type=image, or leave them out.',
      exitCode: EXIT.usage,
    },
  );
}

/** @throws JettisonError `OPTION_UNSUPPORTED` for options that a builder cannot honour */
function checkBuilders({ builders = [], limits = {}, isolation = 'auto', cacheTo = [] }: BuildOptions): void {
  if (builders.length === 0) return;
  const unsupported = [
    ...Object.keys(limits).map((name) => `the limit of ${name}`),
    ...(isolation === 'auto' ? [] : ['a rung of this machine (--isolation)']),
    ...(cacheTo.some((target) => 'cacheMounts' in target && target.cacheMounts)
      ? ['the export of cache mounts']
      : []),
  ];
  const [first] = unsupported;
  if (first === undefined) return;
  throw new JettisonError('OPTION_UNSUPPORTED', `${first} is not possible with --builder`, {
    hint: "Leave it out: commands, limits and cache mounts are the builder's. Or build without --builder.",
    exitCode: EXIT.usage,
  });
}

/** Code that only builds with attestations need is imported here. */
async function attestationsOf(
  options: BuildOptions,
  opened: OpenedBuild,
  parts: {
    built: BuiltPlatform[];
    started: number;
    fetchBlob: (blob: Descriptor) => Promise<void>;
    noteImage: (id: Digest, at: number) => void;
  },
): Promise<BuildAttestations | undefined> {
  const { attest: request, outputs = [], tags = [] } = options;
  if (!request?.sbom && request?.provenance === undefined) return undefined;
  const { BuildAttestations } = await import('./attestations.ts');
  const { built, started: startedMs, fetchBlob, noteImage } = parts;
  const named = outputs.flatMap((output) => ('names' in output ? (output.names ?? []) : []));
  const names = [...new Set([...tags.map((tag) => canonicalName(tag)), ...named])];
  return new BuildAttestations({
    ...{ options, request, opened, built, names, startedMs, fetchBlob, noteImage },
  });
}

/** Definitions of steps by their ids in the build. */
function definitionsOf(solvers: readonly Solver[], plans: readonly LabelledPlan[]): Map<string, Digest> {
  return new Map(
    solvers.flatMap((solver, at) => {
      const { label } = plans[at]!;
      const prefix = label === undefined ? '' : `${label} `;
      return [...solver.definitions()].map(([id, digest]): [string, Digest] => [prefix + id, digest]);
    }),
  );
}

async function solveFor(plan: Plan, solver: Solver, epoch: number | undefined): Promise<BuiltPlatform> {
  const layers = await solver.solve();
  const created = epoch === undefined ? undefined : new Date(epoch * 1000).toISOString();
  const config = imageConfig(plan.target, layers, created);
  return { platform: plan.target.platform, config, layers, files: () => solver.files(layers) };
}

/** The public facts of an image. */
function imageResult({ target, images }: ImageSet, built: readonly BuiltPlatform[]): ImageResult {
  return { digest: target.digest, imageId: images[0]!.id, manifest: target, config: built[0]!.config };
}

/** Number of layers and bytes of an image, of all platforms. `unpacked`: bytes of its files, if all layers are known. */
function sizesOf(store: Store, built: readonly BuiltPlatform[], { images }: ImageSet) {
  const layers = images.flatMap(({ manifest }) => manifest.layers);
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  const contents = built.flatMap((one) => one.layers.map(({ id }) => store.layers.record(id)?.size));
  let unpacked: number | undefined = 0;
  for (const content of contents) {
    unpacked = unpacked === undefined || content === undefined ? undefined : unpacked + content;
  }
  return { count: layers.length, bytes, ...(unpacked !== undefined && { unpacked }) };
}
