import type { Rewrite } from './rewrite.ts';
import { buildWhileBuilding } from './rewrites/build-while-building.ts';
import { execFormRewrite } from './rewrites/exec-form.ts';
import { installBeforeSources, mountCaches } from './rewrites/forecast-proposals.ts';
import { ignoreSurplus } from './rewrites/ignore-surplus.ts';
import { lintFixes } from './rewrites/lint-fixes.ts';
import { mergeCleanup } from './rewrites/merge-cleanup.ts';
import { multiStage } from './rewrites/multi-stage.ts';
import { numericUser } from './rewrites/numeric-user.ts';
import { productionDependencies } from './rewrites/production-dependencies.ts';
import { smallerBase } from './rewrites/smaller-base.ts';

/** All kinds of rewrites, in the order in which they are tried: each stands on those that were kept before it. */
export const REWRITES: readonly Rewrite[] = [
  buildWhileBuilding,
  execFormRewrite,
  ignoreSurplus,
  installBeforeSources,
  ...lintFixes,
  mergeCleanup,
  multiStage,
  productionDependencies,
  smallerBase,
  mountCaches,
  numericUser,
];
