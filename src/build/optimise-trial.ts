import { randomBytes } from 'node:crypto';
import { appendFileSync, constants, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { BuildEvent } from '../events/event.ts';
import type { Digest } from '../image/digest.ts';
import { type AddonFault, addonFaults } from '../inspect/addon-faults.ts';
import { packedBytes } from '../inspect/diff.ts';
import { inspectImages } from '../inspect/inspect-images.ts';
import type { Inspection } from '../inspect/inspection.ts';
import type { Texts, WorkEntry } from '../optimise/rewrite.ts';
import { type ProbeOptions, probeImage } from '../probe/probe-image.ts';
import type { ProbeResult } from '../probe/probe-result.ts';
import { findImage } from '../store/lookup.ts';
import { useStore } from '../store/store.ts';
import type { BuildOptions, SecretSource } from './build.ts';
import { buildTexts } from './build-texts.ts';

/** Figures of one image. */
interface ImageFigures {
  /** Bytes of all files that can be seen. */
  size: number;
  /** Bytes of the layers as they are sent. */
  packed: number;
  layers: number;
  files: number;
  /** Bytes of files that a later layer hides. */
  waste: number;
  user: string;
}

/** How long one version of a Dockerfile builds. */
interface BuildTimes {
  /** Milliseconds of a build that uses no earlier step; cache mounts keep their content. */
  coldMs: number;
  /** Milliseconds of a build after an edit of a source file; absent where the context has none to edit. */
  rebuildMs?: number;
}

/** Measured figures of one image and its builds. */
export interface TrialFigures extends ImageFigures, BuildTimes {}

/** What rewrites ask of a built image. */
export interface BuiltFacts {
  workEntries: WorkEntry[];
  outside: string[];
}

/** All that is read of a built image, in one look. */
export interface BuiltImage {
  image: Digest;
  figures: ImageFigures;
  facts: BuiltFacts;
  /** Native addons that do not load in it. */
  faults: AddonFault[];
}

export interface TrialOptions {
  /** A directory. */
  context: string;
  buildArgs?: Record<string, string>;
  secrets?: Record<string, SecretSource>;
  home?: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  probe: ProbeOptions;
  onEvent?: (event: BuildEvent) => void;
}

/** Folders whose content is made anew by programs and is not missed. */
const CACHES =
  /^(tmp|root|home|proc|sys|dev|run|var\/(cache|log|tmp|lib\/apt|lib\/dpkg)|lib\/apk|etc\/apk|usr\/share\/(doc|man|info))(\/|$)/;

/** Builds, runs and measures versions of a Dockerfile in one context. */
export class Trials {
  readonly #options: TrialOptions;

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /** Builds with the cache. */
  async build(texts: Texts, label: string, more: Partial<BuildOptions> = {}): Promise<Digest> {
    const { context, buildArgs = {}, secrets = {}, home, env, signal, onEvent } = this.#options;
    const options = { context, buildArgs, secrets, env, ...(home && { home }), ...(signal && { signal }) };
    const built = await buildTexts({ ...options, ...(onEvent && { onEvent }), ...more }, texts, label);
    return built.imageId;
  }

  /** Runs an image once. @param ports to ask; default: those that it exposes */
  probe(image: Digest, ports?: readonly number[]): Promise<ProbeResult> {
    const { home, env, signal, probe: options } = this.#options;
    const probe = { ...options, ...(ports && { ports }) };
    return useStore({ env, ...(home && { home }), ...(signal && { signal }) }, (store) =>
      probeImage(store, findImage(store, image), { ...probe, ...(signal && { signal }) }),
    );
  }

  /** Reads a built image once. */
  inspect(image: Digest): Promise<BuiltImage> {
    const { home, env, context, signal = new AbortController().signal } = this.#options;
    const places = { env, cwd: context, signal, remote: false, insecure: false, platform: undefined };
    return inspectImages([image], { ...places, ...(home && { home }) }, ([one]) => ({
      image,
      figures: imageFigures(one!),
      facts: builtFacts(one!),
      faults: addonFaults(one!),
    }));
  }

  /** @param edited a file of the context to edit for the rebuild */
  async buildTimes(texts: Texts, label: string, edited: string | undefined): Promise<BuildTimes> {
    const coldMs = await timed(() => this.build(texts, label, { noCache: true }));
    if (edited === undefined) return { coldMs };
    return { coldMs, rebuildMs: await this.#rebuild(texts, label, edited) };
  }

  /** Builds a copy of the context, edits a file in it, and builds again. */
  async #rebuild(texts: Texts, label: string, edited: string): Promise<number> {
    const { context } = this.#options;
    const folder = mkdtempSync(join(tmpdir(), 'jettison-edit-'));
    try {
      cpSync(context, folder, {
        recursive: true,
        mode: constants.COPYFILE_FICLONE,
        verbatimSymlinks: true,
        preserveTimestamps: true,
        filter: (path) => relative(context, path) !== '.git',
      });
      await this.build(texts, label, { context: folder });
      appendFileSync(join(folder, edited), uniqueBlanks());
      return await timed(() => this.build(texts, label, { context: folder }));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Blank lines that no earlier measurement had: the same edit again would be cached. */
function uniqueBlanks(): string {
  return `\n${[...randomBytes(6)].map((byte) => `${' '.repeat(byte)}\n`).join('')}`;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return Math.round(performance.now() - begun);
}

function imageFigures(inspection: Inspection): ImageFigures {
  const { census, image } = inspection;
  return {
    size: census.treeBytes,
    packed: packedBytes(inspection),
    layers: image.layers.length,
    files: census.treeFiles,
    waste: census.wasteBytes,
    user: image.config.config?.User || 'root',
  };
}

/** What a build brought into its working directory, and elsewhere. */
function builtFacts({ census, image, base }: Inspection): BuiltFacts {
  const cwd = (image.config.config?.WorkingDir ?? '').replace(/^\/+|\/+$/g, '');
  const own = base?.layers ?? 0;
  const workEntries: WorkEntry[] = [];
  for (const name of cwd === '' ? [] : census.children(cwd)) {
    const leaves = [...census.below(`${cwd}/${name}`)];
    const bytes = leaves.reduce((sum, { size }) => sum + size, 0);
    if (leaves.some(({ layer }) => layer >= own)) workEntries.push({ name, bytes });
  }
  const outside: string[] = [];
  for (const { path, layer } of census.leaves.values()) {
    if (layer >= own && !`${path}/`.startsWith(`${cwd}/`) && !CACHES.test(path)) outside.push(path);
  }
  return { workEntries, outside };
}
