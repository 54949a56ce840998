import type { Emit } from '../events/event.ts';
import { Overlapping } from '../events/overlapping.ts';
import { type OnProgress, sparing } from '../events/transfer.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { BaseImage, Plan } from '../plan/plan.ts';
import type { BaseImages } from './base-images.ts';
import { filesReadBy } from './files-read.ts';

/** A plan, and what its steps are called besides their ids where there are several plans. */
interface Labelled {
  plan: Plan;
  label: string | undefined;
}

/** The id of the step that stands for an image which no stage is built on: `COPY --from=IMAGE`. */
export function imageStepId(image: BaseImage): string {
  return `image ${image.reference}`;
}

/** Images that steps read, and no stage is built on. */
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

  /** Downloads a blob into the store, as part of the image that it belongs to. */
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
 * The fetch of one base image, reported as the step `FROM` of every stage on it. It starts when something
 * is first needed of it, and again when more is.
 */
export class BaseFetch {
  /** Ids of the steps that it is reported as. */
  readonly steps: string[] = [];
  #isTold = false;
  #isFetched: boolean;
  #outcome: 'failed' | 'cancelled' | undefined;
  readonly #work: Overlapping;
  readonly #report: OnProgress;

  /** @param resolvedMs how long manifest and config took, if they were fetched */
  constructor(
    emit: Emit,
    private readonly signal: AbortSignal,
    resolvedMs: number | undefined,
  ) {
    this.#isFetched = resolvedMs !== undefined;
    const start = () => {
      this.#isTold = true;
      for (const step of this.steps) emit({ type: 'step.started', step });
    };
    const end = (durationMs: number) => {
      // Unpacking a blob that was here already is not a fetch.
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

  /** Does some work of fetching or unpacking: the time that it takes is the image's. */
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

  /** Reports the steps if nothing was needed of the image so far. */
  async settle(): Promise<void> {
    if (!this.#isTold) await this.#work.during(async () => {});
  }
}
