import type { Diagnostic, Dockerfile, Instruction } from '../dockerfile/ast.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';
import type { NamedContexts } from './named-contexts.ts';
import type { BaseImage, Plan, RunNetwork } from './plan.ts';
import type { DeclaredArg } from './stage-state.ts';

export interface PlanInput {
  dockerfile: Dockerfile;
  /** Name or number of the stage to build; else the last one. */
  target?: string;
  buildArgs: Record<string, string>;
  /** Added to the labels of the target. */
  labels: Record<string, string>;
  platform: Platform;
  buildPlatform: Platform;
  /** Default network of RUN. */
  network: RunNetwork;
  /** Whether RUN may ask for `--security=insecure`. Checks do not ask: a permission belongs to a build. */
  allowInsecure?: boolean;
  /** The same for `--network=host`, which a build with the network `host` allows anyway. */
  allowHostNetwork?: boolean;
  /** The contexts of `--build-context`. */
  contexts?: NamedContexts;
  /** The base images known so far, by `imageKey`. */
  images: ReadonlyMap<string, BaseImage>;
  /**
   * Plan for checking, not for building. Images that are `unavailable` count as empty, and what only they could
   * tell is left out. `everyStage`: not only what the target needs.
   */
  check?: {
    unavailable: ReadonlySet<string>;
    everyStage: boolean;
    /** Called with the findings so far when planning fails. */
    onFailure?: (warnings: Diagnostic[]) => void;
  };
  /** The rule that excludes a path of the context, e.g. `line 3 of .dockerignore`. */
  ignoredBy?: (path: string) => string | undefined;
}

/** A base image that planning has to know before it can go on. */
export interface ImageRequest {
  /** Canonical name. */
  reference: string;
  platform: Platform;
  /** The instruction that names it. */
  location: Instruction['location'];
  source: string;
  /** Another meaning that the name may have. */
  hint?: string;
}

/** `missing`: plan again when these images are known, too. They may turn out to need more (by ONBUILD). */
export type PlanResult =
  | { kind: 'missing'; images: ImageRequest[] }
  | { kind: 'plan'; plan: Plan; warnings: Diagnostic[]; args: DeclaredArg[] };

/** Key of an image in `PlanInput.images`. */
export function imageKey(request: { reference: string; platform: Platform }): string {
  return `${request.reference} ${formatPlatform(request.platform)}`;
}
