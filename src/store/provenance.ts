import { mkdirSync } from 'node:fs';
import { type Digest, hex } from '../image/digest.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, writeWhole } from './temporary.ts';

/** A step of a stage, when an image was built. */
export interface RecordedStep {
  /** The instruction as written. */
  text: string;
  file: string;
  line: number;
  /** Id of its layer; absent when the build did not need it. */
  layer?: string;
  /** Duration of its last execution, in milliseconds. */
  durationMs?: number;
  /** Source of a COPY or ADD. */
  from?: { kind: 'context' | 'stage' | 'image'; name: string };
  /** Source paths, as written. */
  sources?: string[];
  /** Destination: absolute. */
  destination?: string;
}

export interface RecordedStage {
  name: string;
  /** `layers`: number of layers of the base image. */
  base:
    | { kind: 'scratch' }
    | { kind: 'image'; name: string; layers: number }
    | { kind: 'stage'; name: string };
  file: string;
  line: number;
  /** The instructions that make layers, in the order of the file. */
  steps: RecordedStep[];
  /** The instructions of the history that make no layer; absent in records of earlier versions. */
  settings?: RecordedSetting[];
}

/** An instruction that only changes the config. */
export interface RecordedSetting {
  /** The instruction as written. */
  text: string;
  file: string;
  line: number;
  /** Number of the stage's steps before it. */
  after: number;
}

/** How an image was made: all stages that its target reaches, the target last. */
export interface Provenance {
  stages: RecordedStage[];
}

/** How images built with this store were made, by image id: read by `why`, `report` and others that name instructions. */
export class Provenances {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  get(image: Digest): Provenance | undefined {
    return readRecord<Provenance>(this.#path(image));
  }

  /** Records how an image was made. Facts of the same steps that only an earlier build had are kept. */
  put(image: Digest, made: Provenance): void {
    const known = this.get(image);
    const merged = known === undefined ? made : merge(known, made);
    if (known !== undefined && JSON.stringify(merged) === JSON.stringify(known)) return;
    mkdirSync(this.#layout.provenance, { recursive: true });
    writeWhole(this.#layout, this.#path(image), recordText(merged, JSON.stringify(merged)));
  }

  /** Ids of all recorded images, with the paths of their records. */
  *list(): Iterable<{ path: string; image: Digest }> {
    for (const name of readNames(this.#layout.provenance)) {
      yield { path: `${this.#layout.provenance}/${name}`, image: `sha256:${name.replace(/\.json$/, '')}` };
    }
  }

  #path(image: Digest): string {
    return `${this.#layout.provenance}/${hex(image)}.json`;
  }
}

function merge(known: Provenance, made: Provenance): Provenance {
  return {
    stages: made.stages.map((stage) => {
      const before = known.stages.find(({ name }) => name === stage.name);
      return {
        ...stage,
        steps: stage.steps.map((step, at) => {
          const old = before?.steps[at];
          if (old?.text !== step.text) return step;
          const { layer = old.layer, durationMs = old.durationMs } = step;
          return {
            ...step,
            ...(layer !== undefined && { layer }),
            ...(durationMs !== undefined && { durationMs }),
          };
        }),
      };
    }),
  };
}
