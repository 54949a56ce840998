import type { Emit, StepOutcome } from '../events/event.ts';
import { type OnProgress, sparing } from '../events/transfer.ts';
import { StepPhases } from './step-phases.ts';

/** Reports the steps of one stage: each starts and finishes once. */
export class StepReports {
  readonly #reported = new Set<string>();
  /** When steps began, in milliseconds since 1970, plus the time that they waited. */
  readonly #begun = new Map<string, number>();

  constructor(private readonly emit: Emit) {}

  /** @returns false when the step has been reported before */
  claim(step: string): boolean {
    if (this.#reported.has(step)) return false;
    this.#reported.add(step);
    return true;
  }

  /** Reports the start of a step, once. @returns its time in milliseconds since 1970 */
  begin(step: string): number {
    const begun = this.#begun.get(step);
    if (begun !== undefined) return begun;
    const now = Date.now();
    this.#begun.set(step, now);
    this.emit({ type: 'step.started', step });
    return now;
  }

  /** Runs work whose time does not count for the step. */
  async outside(step: string, work: () => Promise<unknown>): Promise<void> {
    const started = Date.now();
    await work();
    this.#postpone(step, Date.now() - started);
  }

  /** Measures the phases of a step. Time in the queue does not count for the step. */
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

  /** Reports a step that was not needed, since all results that use it are known. */
  unneeded(step: string): void {
    if (!this.claim(step)) return;
    this.emit({ type: 'step.started', step });
    this.emit({ type: 'step.finished', step, outcome: 'cached', durationMs: 0 });
  }

  /** Reports the transfers of a step, which start it: ADD downloads before its key is known. */
  transfersOf(step: string): OnProgress {
    return sparing((progress) => {
      this.begin(step);
      this.emit({ type: 'transfer', of: step, direction: 'in', ...progress });
    });
  }
}
