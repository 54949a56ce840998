import type { ContextFacts } from '../advice/advice.ts';
import type { DockerfileFacts } from '../advice/stage-facts.ts';
import type { Plan } from '../plan/plan.ts';

/** The texts that an image is built from. */
export interface Texts {
  dockerfile: string;
  /** Undefined when there is no ignore file. */
  ignoreText: string | undefined;
}

/** A name directly below the working directory of a built image. */
export interface WorkEntry {
  name: string;
  bytes: number;
}

/** An image that the final stage may stand on instead. */
export interface BaseChoice {
  name: string;
  /** Packed bytes of its layers. */
  bytes: number;
  entrypoint: readonly string[];
}

/** What rewrites are made from: the texts as they are by now, and the image that they give. */
export interface OptimiseEvidence {
  texts: Texts;
  facts: DockerfileFacts;
  plan: Plan;
  context: ContextFacts;
  /** In the built image, without what the base brought. */
  workEntries: readonly WorkEntry[];
  /** Files of the built image outside of the working directory that no base brought, caches left out. */
  outside: readonly string[];
  /** Smaller than the present base, smallest first; those that the user named come before others. */
  bases: readonly BaseChoice[];
}

/** One way to rewrite. */
export interface Candidate {
  /** What changes, in one sentence without a full stop. */
  summary: string;
  texts: Texts;
  /** What the probe may not see, and the user should check. */
  check?: string;
}

/** A kind of rewrite: one file of `rewrites/`, one line in `rewrites.ts`. */
export interface Rewrite {
  /** Its name on the command line. */
  id: string;
  title: string;
  /** `size`: it is dropped when the image does not get smaller. */
  aim: 'size' | 'time' | 'safety';
  /** From the boldest to the most careful; the first that keeps the behaviour is taken. */
  propose(evidence: OptimiseEvidence): Candidate[];
}
