import { ignoreGit, ignoreTexts } from './ignore-additions.ts';
import { manifestsFirst } from './manifests-first.ts';
import { cacheMounts } from './package-caches.ts';
import type { Proposer } from './proposal.ts';
import { separateStages } from './separate-stages.ts';

/**
 * All kinds of proposals, in the order in which they are applied: records are about the instructions of today, so that
 * those which need records come first.
 */
export const PROPOSERS: readonly Proposer[] = [
  separateStages,
  ignoreGit,
  manifestsFirst,
  ignoreTexts,
  cacheMounts,
];
