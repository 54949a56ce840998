import type { Emit } from '../events/event.ts';
import type { Phase, PhaseSpan } from '../events/phase.ts';

/** A phase that takes longer than this (milliseconds) is said while it goes on. */
const SAID_AFTER_MS = 1000;

/** Measures and reports the phases of one step. */
export class StepPhases {
  /** @param onEnd is told of each phase that took a millisecond or more */
  constructor(
    private readonly emit: Emit,
    private readonly step: string,
    private readonly onEnd: (span: PhaseSpan) => void = () => {},
  ) {}

  /** Does some work that is a phase of the step. @param text says so while it goes on, if it takes long */
  async during<T>(phase: Phase, work: () => Promise<T>, text?: string): Promise<T> {
    const end = this.begin(phase, text);
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** @returns the function that ends the phase */
  begin(phase: Phase, text?: string): () => void {
    const { step } = this;
    const startedAt = Date.now();
    const timer =
      text === undefined
        ? undefined
        : setTimeout(() => this.emit({ type: 'step.progress', step, text }), SAID_AFTER_MS).unref();
    return () => {
      clearTimeout(timer);
      const durationMs = Date.now() - startedAt;
      if (durationMs < 1) return;
      this.emit({ type: 'step.phase', step, phase, startedAt, durationMs });
      this.onEnd({ phase, startedAt, durationMs });
    };
  }
}
