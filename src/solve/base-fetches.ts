import type { Emit } from '../events/event.ts';
import { Overlapping } from '../events/overlapping.ts';
import { type OnProgress, sparing } from '../events/transfer.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { BaseImage, Plan } from '../plan/plan.ts';
import type { BaseImages } from './base-images.ts';
import { filesReadBy } from './files-read.ts';

/** A plan. In builds for several platforms, the label is a prefix of the ids of its steps. */
interface Labelled {
  plan: Plan;
  label: string | undefined;
}

/** Id of the step of an image that is not the base of a stage: `COPY --from=IMAGE`. */
export function imageStepId(image: BaseImage): string {
  return `image ${image.reference}`;
}

/** Images that steps read, and that are not the base of a stage. */
export function imagesReadBy(plan: Plan): BaseImage[] {
  const bases = new Set(
    plan.stages.map(({ base }) => (base.kind === 'image' ? base.image.digest : undefined)),
  );
  const read = new Map<string, BaseImage>();
  for (const from of plan.stages.flatMap(({ steps }) => steps.flatMap(filesReadBy))) {
    if (from.kind !== 'image' || from.image.layers.length === 0 || bases.has(from.image.digest)) continue;
    read.set(from.image.reference, from.image);
  }
  return [...read.values()];
}

/** The fetches of all base images of a build. */
export class BaseFetches {
  readonly #images = new Map<Digest, BaseFetch>();
  readonly #blobs = new Map<Digest, BaseFetch>();

  constructor(
    private readonly bases: BaseImages,
    private readonly emit: Emit,
    private readonly signal: AbortSignal,
    plans: readonly Labelled[],
  ) {
    for (const { plan, label } of plans) {
      const prefix = label === undefined ? '' : `${label} `;
      for (const { name, base } of plan.stages) {
        if (base.kind === 'image') this.#add(base.image, `${prefix}${name}/1`);
      }
      for (const image of imagesReadBy(plan)) this.#add(image, prefix + imageStepId(image));
    }
  }

  of(image: BaseImage): BaseFetch {
    let fetch = this.#images.get(image.digest);
    // An image without layers: there is nothing to fetch.
    fetch ??= new BaseFetch(this.emit, this.signal, undefined);
    return fetch;
  }

  /** Downloads a blob into the store, reported as part of its image. */
  async fetchBlob(blob: Descriptor, onProgress?: OnProgress): Promise<void> {
    if (this.bases.hasBlob(blob)) return;
    const fetch = this.#blobs.get(blob.digest);
    if (fetch === undefined) return this.bases.fetchBlob(blob, onProgress);
    await fetch.during(async (report) => {
      await this.bases.fetchBlob(blob, report);
    });
  }

  #add(image: BaseImage, step: string): void {
    let fetch = this.#images.get(image.digest);
    if (fetch === undefined) {
      fetch = new BaseFetch(this.emit, this.signal, this.bases.fetchedIn(image.digest));
      this.#images.set(image.digest, fetch);
      for (const { blob } of image.layers) {
        if (!this.#blobs.has(blob.digest)) this.#blobs.set(blob.digest, fetch);
      }
    }
    fetch.steps.push(step);
  }
}

/**
 * The fetch of one base image, reported as the step `FROM` of every stage on it. It starts when a part of the image is
 * first needed, and continues when more is.
 */
export class BaseFetch {
  /** Ids of the steps under which it is reported. */
  readonly steps: string[] = [];
  #isReported = false;
  #isFetched: boolean;
  #outcome: 'failed' | 'cancelled' | undefined;
  readonly #work: Overlapping;
  readonly #report: OnProgress;

  /** @param resolvedMs milliseconds for manifest and config, if they were fetched */
  constructor(
    emit: Emit,
    private readonly signal: AbortSignal,
    resolvedMs: number | undefined,
  ) {
    this.#isFetched = resolvedMs !== undefined;
    const start = () => {
      this.#isReported = true;
      for (const step of this.steps) emit({ type: 'step.started', step });
    };
    const end = (durationMs: number) => {
      // Unpacking a blob of the store is not a fetch.
      const done = this.#isFetched ? 'done' : 'cached';
      const outcome = this.#outcome ?? done;
      for (const step of this.steps) emit({ type: 'step.finished', step, outcome, durationMs });
    };
    this.#work = new Overlapping({ start, end }, resolvedMs);
    this.#report = sparing((progress) => {
      if (progress.state === 'moving') this.#isFetched = true;
      // A base of several stages is fetched once, for the first of them.
      const [of] = this.steps;
      if (of !== undefined) emit({ type: 'transfer', of, direction: 'in', ...progress });
    });
  }

  /** Runs work of fetching or unpacking, whose time is the image's. */
  during<T>(work: (report: OnProgress) => Promise<T>): Promise<T> {
    return this.#work.during(async () => {
      try {
        return await work(this.#report);
      } catch (error) {
        // The first failure ends the build, and with it the other layers' fetches.
        this.#outcome ??= this.signal.aborted ? 'cancelled' : 'failed';
        throw error;
      }
    });
  }

  /** Reports the steps if no part of the image was needed so far. */
  async settle(): Promise<void> {
    if (!this.#isReported) await this.#work.during(async () => {});
  }
}
