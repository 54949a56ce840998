import { contextKinds } from './context-kinds.ts';
import type { SecretKind } from './secret-kind.ts';
import { tokenKinds } from './token-kinds.ts';

let kinds: readonly SecretKind[] | undefined;

/**
 * Every kind that is known by its form or its context, the surest first: of two for one value the first is right. The
 * table is made when it is first asked for: a build that looks at nothing does not pay for it.
 */
export function secretKinds(): readonly SecretKind[] {
  kinds ??= [...tokenKinds(), ...contextKinds()];
  return kinds;
}

/** Raised when another look at a layer may find something else: results that are kept are of one version. */
export const DETECTOR_VERSION = '1';
