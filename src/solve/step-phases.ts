import type { Emit } from '../events/event.ts';
import type { Phase, PhaseSpan } from '../events/phase.ts';

/** A phase that takes longer (milliseconds) is reported as progress. */
const REPORT_AFTER_MS = 1000;

/** Measures and reports the phases of one step. */
export class StepPhases {
  /** @param onEnd called for each phase of at least a millisecond */
  constructor(
    private readonly emit: Emit,
    private readonly step: string,
    private readonly onEnd: (span: PhaseSpan) => void = () => {},
  ) {}

  /** Runs work as a phase of the step. @param text progress message if it takes long */
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
        : setTimeout(() => this.emit({ type: 'step.progress', step, text }), REPORT_AFTER_MS).unref();
    return () => {
      clearTimeout(timer);
      const durationMs = Date.now() - startedAt;
      if (durationMs < 1) return;
      this.emit({ type: 'step.phase', step, phase, startedAt, durationMs });
      this.onEnd({ phase, startedAt, durationMs });
    };
  }
}
