import { JettisonError } from '../errors/error.ts';
import { familiarName, parseReference } from '../image/reference.ts';

/** The value of a `--build-context`, which replaces a stage or an image of its name: an image, files, or scratch. */
export type NamedContext = { kind: 'image'; reference: string } | { kind: 'files' } | { kind: 'scratch' };

/** Build contexts by `contextName`. */
export type NamedContexts = ReadonlyMap<string, NamedContext>;

/**
 * The normalised name of a build context: `Alpine:latest` and `alpine` are the same, since a context may replace an
 * image.
 */
export function contextName(written: string): string {
  try {
    return familiarName(parseReference(written)).replace(/:latest$/, '');
  } catch (error) {
    if (error instanceof JettisonError) return written.toLowerCase();
    throw error;
  }
}

/** Prefix of a reference to an OCI image layout in a folder. */
export const OCI_LAYOUT = 'oci-layout://';

/** The name of a base image in messages. */
export function shownName(reference: string): string {
  return reference.startsWith(OCI_LAYOUT) ? reference : familiarName(reference);
}
