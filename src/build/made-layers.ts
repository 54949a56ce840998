import type { Diagnostic } from '../dockerfile/ast.ts';
import type { Location } from '../errors/error.ts';
import type { Emit, StepInfo } from '../events/event.ts';
import type { BuiltPlatform } from '../export/output.ts';
import type { Digest } from '../image/digest.ts';

/** A layer that a build has made, and the instruction that made it. */
export interface MadeLayer {
  title: string;
  location: Location | undefined;
}

/** Collects from a build's events which layers it made, by their names in the store. */
export class MadeLayers {
  readonly #steps = new Map<string, StepInfo>();
  readonly #layers = new Map<string, MadeLayer>();

  /** An `Emit` that notes layers and passes each event on. */
  listening(emit: Emit): Emit {
    return (event) => {
      if (event.type === 'build.planned') for (const step of event.steps) this.#steps.set(step.id, step);
      if (event.type === 'step.finished' && event.outcome === 'done' && event.layer !== undefined) {
        const { title = '', location } = this.#steps.get(event.step) ?? {};
        this.#layers.set(event.layer, { title, location });
      }
      emit(event);
    };
  }

  get(layer: string): MadeLayer | undefined {
    return this.#layers.get(layer);
  }
}

/** Images that a build has made. */
export interface BuiltImages {
  built: readonly BuiltPlatform[];
  /** Ids of the images. */
  ids: readonly Digest[];
  made: MadeLayers;
  /** Findings of the Dockerfile's checks, which are not repeated. */
  known: readonly Diagnostic[];
  /** The text of the Dockerfile, and the instruction to name where no other one is known. */
  text: string;
  from: Location;
}
