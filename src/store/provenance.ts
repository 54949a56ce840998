import { mkdirSync } from 'node:fs';
import { type Digest, hex } from '../image/digest.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, writeWhole } from './temporary.ts';

/** A step of a stage, as it was when an image was built. */
export interface RecordedStep {
  /** The instruction as the Dockerfile has it. */
  text: string;
  file: string;
  line: number;
  /** The id of the layer that it gave; absent where the build did not have to know. */
  layer?: string;
  /** How long it took when it last ran, in milliseconds. */
  durationMs?: number;
  /** What a COPY or ADD takes files from. */
  from?: { kind: 'context' | 'stage' | 'image'; name: string };
  /** Paths that it selects there, as written. */
  sources?: string[];
  /** Where they go: absolute. */
  destination?: string;
}

export interface RecordedStage {
  name: string;
  /** `image`: how many layers it has. */
  base:
    | { kind: 'scratch' }
    | { kind: 'image'; name: string; layers: number }
    | { kind: 'stage'; name: string };
  file: string;
  line: number;
  /** Those that make layers, in the order of the file. */
  steps: RecordedStep[];
  /** Those that make no layer, and are in the history; absent in records of earlier versions. */
  settings?: RecordedSetting[];
}

/** An instruction that only changes the config. */
export interface RecordedSetting {
  /** The instruction as the Dockerfile has it. */
  text: string;
  file: string;
  line: number;
  /** How many of the stage's steps stand before it. */
  after: number;
}

/** How an image was made: all stages that its target reaches, the target last. */
export interface Provenance {
  stages: RecordedStage[];
}

/** How the images that were built here were made, by image id: for those who ask why something is in them. */
export class Provenances {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  get(image: Digest): Provenance | undefined {
    return readRecord<Provenance>(this.#path(image));
  }

  /** Notes how an image was made. What an earlier build knew of the same steps, and this one had not to find out, stays. */
  put(image: Digest, made: Provenance): void {
    const known = this.get(image);
    const merged = known === undefined ? made : merge(known, made);
    if (known !== undefined && JSON.stringify(merged) === JSON.stringify(known)) return;
    mkdirSync(this.#layout.provenance, { recursive: true });
    writeWhole(this.#layout, this.#path(image), recordText(merged, JSON.stringify(merged)));
  }

  /** All images of which something is known, with the files that do. */
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
