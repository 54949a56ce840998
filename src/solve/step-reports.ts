import type { Emit, StepOutcome } from '../events/event.ts';
import { type OnProgress, sparing } from '../events/transfer.ts';
import { StepPhases } from './step-phases.ts';

/** Reports the steps of one stage: each starts and finishes once. */
export class StepReports {
  readonly #reported = new Set<string>();
  /** When steps began (milliseconds since 1970): time that they wait before is not their own. */
  readonly #begun = new Map<string, number>();

  constructor(private readonly emit: Emit) {}

  /** @returns false when the step has been reported before */
  claim(step: string): boolean {
    if (this.#reported.has(step)) return false;
    this.#reported.add(step);
    return true;
  }

  /** Reports that a step does something now. May be called more than once. */
  begin(step: string): number {
    const begun = this.#begun.get(step);
    if (begun !== undefined) return begun;
    const now = Date.now();
    this.#begun.set(step, now);
    this.emit({ type: 'step.started', step });
    return now;
  }

  /** Does something whose time is not the step's own. */
  async outside(step: string, work: () => Promise<unknown>): Promise<void> {
    const started = Date.now();
    await work();
    this.#postpone(step, Date.now() - started);
  }

  /** Measures the phases of a step. The time that it waits is not its own. */
  phasesOf(step: string): StepPhases {
    return new StepPhases(this.emit, step, ({ phase, durationMs }) => {
      if (phase === 'queue') this.#postpone(step, durationMs);
    });
  }

  #postpone(step: string, ms: number): void {
    const begun = this.#begun.get(step);
    if (begun !== undefined) this.#begun.set(step, begun + ms);
  }

  finish(step: string, outcome: StepOutcome, layer?: string): void {
    const durationMs = Date.now() - this.begin(step);
    const finished = { type: 'step.finished', step, outcome, durationMs } as const;
    this.emit(layer === undefined ? finished : { ...finished, layer });
  }

  /** A step that nothing had to be asked of, since all that uses it was known. */
  unneeded(step: string): void {
    if (!this.claim(step)) return;
    this.emit({ type: 'step.started', step });
    this.emit({ type: 'step.finished', step, outcome: 'cached', durationMs: 0 });
  }

  /** Reports what a step fetches. ADD does before it is known whether it has anything else to do. */
  transfersOf(step: string): OnProgress {
    return sparing((progress) => {
      this.begin(step);
      this.emit({ type: 'transfer', of: step, direction: 'in', ...progress });
    });
  }
}
