import { emitTo } from '../../src/events/emit.ts';
import type { BuildEvent, BuildEventBody, StepInfo, StepOutcome } from '../../src/events/event.ts';
import type { Digest } from '../../src/image/digest.ts';

export const digest = (hex: string) => `sha256:${hex.repeat(64)}` as Digest;

/** Tells the story of a build as events, with a clock that only moves when told to. */
export class Story {
  readonly events: BuildEvent[] = [];
  now = 1_000_000;
  readonly #emit = emitTo(
    (event) => this.events.push(event),
    () => this.now,
  );

  emit(event: BuildEventBody): this {
    this.#emit(event);
    return this;
  }

  /** Starts a build of the stages with the titles of their steps. */
  start(stages: Record<string, string[]>, target?: string): this {
    const steps: StepInfo[] = Object.entries(stages).flatMap(([stage, titles]) =>
      titles.map((title, i) => ({
        id: `${stage}/${i + 1}`,
        stage,
        index: i + 1,
        total: titles.length,
        title,
      })),
    );
    this.emit({
      type: 'build.started',
      dockerfile: 'Dockerfile',
      context: '.',
      ...(target ? { target } : {}),
    });
    return this.emit({ type: 'build.planned', steps });
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  run(step: string): this {
    return this.emit({ type: 'step.started', step });
  }

  says(step: string, text: string, stream: 'stdout' | 'stderr' = 'stdout'): this {
    return this.emit({ type: 'step.output', step, stream, text });
  }

  ends(step: string, outcome: StepOutcome = 'done', durationMs = 0): this {
    return this.emit({ type: 'step.finished', step, outcome, durationMs });
  }

  finish(tags: string[] = [], layers?: { count: number; bytes: number }): this {
    const result = { digest: digest('d'), imageId: digest('1'), tags, durationMs: 4200 };
    return this.emit({ type: 'build.finished', ...result, ...(layers && { layers }) });
  }
}
