import type { Diagnostic } from '../dockerfile/ast.ts';
import { sha256 } from '../image/digest.ts';
import { DETECTOR_VERSION } from '../secrets/secret-kinds.ts';
import type { Store } from '../store/store.ts';
import type { BuiltImages } from './made-layers.ts';

/**
 * Secrets in images that a build has made, as far as a look at them costs next to nothing: in the config and history, and
 * in those files of new layers whose names say that they mostly hold secrets. The store keeps them for the next build of
 * the same images, which then costs nothing.
 */
export async function secretWarnings(store: Store, build: BuiltImages): Promise<Diagnostic[]> {
  const { ids, text } = build;
  const of = sha256(Buffer.from(JSON.stringify([DETECTOR_VERSION, ids, text])));
  const kept = store.inspections.finding(ids[0]!, 'warnings') as
    | { of?: unknown; warnings?: unknown }
    | undefined;
  if (kept?.of === of && Array.isArray(kept.warnings) && kept.warnings.every(isDiagnostic))
    return kept.warnings;
  const { lookForSecrets } = await import('./look-for-secrets.ts');
  const warnings = await lookForSecrets(store, build);
  store.inspections.putFinding(ids[0]!, 'warnings', { of, warnings });
  return warnings;
}

function isDiagnostic(value: unknown): value is Diagnostic {
  const { code, message, hint, location } = (value ?? {}) as Partial<Diagnostic>;
  return (
    [code, message, hint, location?.file].every((text) => typeof text === 'string') &&
    Number.isSafeInteger(location?.line)
  );
}
