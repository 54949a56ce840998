import { isAbsolute, relative, resolve } from 'node:path';
import type { Location } from '../errors/error.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import type { Emit } from '../events/event.ts';
import type { CopyFrom, Plan, PlannedHistory, PlannedStage, Step } from '../plan/plan.ts';
import type { Provenance, RecordedSetting, RecordedStage, RecordedStep } from '../store/provenance.ts';

/** Collects from a build's events how its image was made. */
export class ProvenanceNotes {
  readonly #steps = new Map<string, { layer?: string; durationMs?: number }>();

  /** @param context as the build was told it */
  constructor(private readonly context: string) {}

  /** An `Emit` that notes results of steps and passes each event on. */
  listening(emit: Emit): Emit {
    return (event) => {
      if (event.type === 'step.finished') {
        const { step, layer, durationMs, outcome } = event;
        this.#steps.set(step, {
          ...(layer !== undefined && { layer }),
          ...(outcome === 'done' && { durationMs }),
        });
      }
      emit(event);
    };
  }

  /** @param label of the plan's platform, in builds for several platforms */
  of({ stages, target }: Plan, label: string | undefined): Provenance {
    const prefix = label === undefined ? '' : `${label} `;
    const ordered = [...stages.filter((stage) => stage !== target), target];
    return { stages: ordered.map((stage) => this.#stage(stage, prefix)) };
  }

  #stage({ name, base, location, steps, history }: PlannedStage, prefix: string): RecordedStage {
    return {
      name,
      base:
        base.kind === 'image'
          ? { kind: 'image', name: base.image.reference, layers: base.image.layers.length }
          : base.kind === 'stage'
            ? { kind: 'stage', name: base.stage.name }
            : { kind: 'scratch' },
      ...this.#location(location),
      steps: steps.map((step) => this.#step(step, prefix)),
      settings: this.#settings(history),
    };
  }

  #step(step: Step, prefix: string): RecordedStep {
    const { location } = step;
    const text = withoutCredentials(step.source);
    const common = { text, ...this.#location(location), ...this.#steps.get(prefix + step.id) };
    if (step.kind !== 'copy') return common;
    return {
      ...common,
      from: originOf(step.from),
      sources: step.sources.map(withoutCredentials),
      destination: step.destination,
    };
  }

  #settings(history: readonly PlannedHistory[]): RecordedSetting[] {
    let after = 0;
    return history.flatMap(({ step, source, location }) => {
      if (step !== undefined) after++;
      return step === undefined
        ? [{ text: withoutCredentials(source), ...this.#location(location), after }]
        : [];
    });
  }

  /** Absolute paths in the context become relative to it: others know the context, not this machine. */
  #location({ file, line }: Location): { file: string; line: number } {
    if (!isAbsolute(file)) return { file, line };
    const path = relative(resolve(this.context), file);
    return { file: path.startsWith('../') ? file : path, line };
  }
}

function originOf(from: CopyFrom): NonNullable<RecordedStep['from']> {
  switch (from.kind) {
    case 'context':
      return { kind: 'context', name: '' };
    case 'named':
      return { kind: 'context', name: from.name };
    case 'stage':
      return { kind: 'stage', name: from.stage.name };
    case 'image':
      return { kind: 'image', name: from.image.reference };
  }
}
