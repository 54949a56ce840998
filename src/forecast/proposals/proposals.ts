import { ignoreGit, ignoreTexts } from './ignore-additions.ts';
import { manifestsFirst } from './manifests-first.ts';
import { cacheMounts } from './package-caches.ts';
import type { Proposer } from './proposal.ts';

/** All kinds of proposals, in the order in which they are applied. */
export const PROPOSERS: readonly Proposer[] = [ignoreGit, manifestsFirst, ignoreTexts, cacheMounts];
