import { JettisonError } from '../errors/error.ts';

/** In bytes, roughly: a thousand RUNs with 100 KiB of variables each. */
const MAX_PLAN = 128 * 1024 * 1024;

/**
 * Bounds what a plan takes. Every RUN has a copy of all variables, in its definition and in the history, and every
 * stage one of those that it inherits: together they grow with the square of a Dockerfile's length.
 */
export class PlanBudget {
  #spent = 0;

  /** @throws JettisonError `PLAN_TOO_LARGE` */
  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent <= MAX_PLAN) return;
    throw new JettisonError(
      'PLAN_TOO_LARGE',
      `The variables of all RUNs and stages together take more than ${MAX_PLAN / 1024 / 1024} MiB`,
      {
        hint: 'Each RUN has all variables that are set before it: set fewer, or put fewer RUNs behind them.',
      },
    );
  }
}
