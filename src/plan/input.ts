import type { Diagnostic, Dockerfile, Instruction } from '../dockerfile/ast.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';
import type { NamedContexts } from './named-contexts.ts';
import type { BaseImage, Plan, RunNetwork } from './plan.ts';
import type { DeclaredArg } from './stage-state.ts';

export interface PlanInput {
  dockerfile: Dockerfile;
  /** Name of the stage to build; default: the last one. */
  target?: string;
  buildArgs: Record<string, string>;
  /** Added to the labels of the target. */
  labels: Record<string, string>;
  platform: Platform;
  buildPlatform: Platform;
  /** Default network of RUN. */
  network: RunNetwork;
  /** Allows `RUN --security=insecure`. Ignored by checks: permissions concern builds. */
  allowInsecure?: boolean;
  /** Allows `RUN --network=host`, as does a build with the network `host`. */
  allowHostNetwork?: boolean;
  /** The contexts of `--build-context`. */
  contexts?: NamedContexts;
  /** The base images known so far, by `imageKey`. */
  images: ReadonlyMap<string, BaseImage>;
  /**
   * Plans for a check, not for a build. `unavailable` images count as empty, and findings that depend on them are left
   * out. `everyStage`: also stages that the target does not need.
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

/** A base image whose config planning needs. */
export interface ImageRequest {
  /** Canonical name. */
  reference: string;
  platform: Platform;
  /** The instruction that names it. */
  location: Instruction['location'];
  source: string;
  /** Hint for the error if it cannot be found: a stage of a similar name. */
  hint?: string;
}

/** `missing`: plan again with these images, whose ONBUILD triggers may need further ones. */
export type PlanResult =
  | { kind: 'missing'; images: ImageRequest[] }
  | { kind: 'plan'; plan: Plan; warnings: Diagnostic[]; args: DeclaredArg[] };

/** Key of an image in `PlanInput.images`. */
export function imageKey(request: { reference: string; platform: Platform }): string {
  return `${request.reference} ${formatPlatform(request.platform)}`;
}
