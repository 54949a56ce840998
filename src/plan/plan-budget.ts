import { JettisonError } from '../errors/error.ts';

/** Bytes: about a thousand RUNs with 100 KiB of variables each. */
const MAX_PLAN = 128 * 1024 * 1024;

/**
 * Limits the memory of a plan. Every RUN has a copy of all variables, in its definition and in the history, and every
 * stage has one of those that it inherits, so their size grows with the square of a Dockerfile's length.
 */
export class PlanBudget {
  #spent = 0;

  /** @throws JettisonError `PLAN_TOO_LARGE` */
  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent <= MAX_PLAN) return;
    throw new JettisonError(
      'PLAN_TOO_LARGE',
      `the variables of all RUNs and stages together take more than ${MAX_PLAN / 1024 / 1024} MiB`,
      {
        hint: 'Each RUN has all variables that are set before it: set fewer, or use fewer RUNs.',
      },
    );
  }
}
