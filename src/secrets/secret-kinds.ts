import { CONTEXT_KINDS } from './context-kinds.ts';
import { FILE_KINDS } from './file-kinds.ts';
import type { SecretKind, SecretSeverity } from './secret-kind.ts';
import { TOKEN_KINDS } from './token-kinds.ts';

/** Every kind that is known by its form or its context, the surest first: of two for one value the first is right. */
export const KINDS: readonly SecretKind[] = [...TOKEN_KINDS, ...CONTEXT_KINDS];

/** A secret in a variable's value, whose name says that it is one. */
export const VARIABLE_KIND = { id: 'secret-variable', title: 'secret variable', severity: 'high' } as const;

interface Title {
  title: string;
  severity: SecretSeverity;
}

/** By id: what reports say of a kind. */
export const KIND_TITLES: ReadonlyMap<string, Title> = new Map(
  [...KINDS, ...FILE_KINDS, VARIABLE_KIND].map(({ id, title, severity }) => [id, { title, severity }]),
);

/** Raised when another look at a layer may find something else: results that are kept are of one version. */
export const DETECTOR_VERSION = '1';
