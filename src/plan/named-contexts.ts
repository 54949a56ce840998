import { JettisonError } from '../errors/error.ts';
import { familiarName, parseReference } from '../image/reference.ts';

/** What `--build-context` put in the place of a stage, an image or a context: an image, files, or nothing. */
export type NamedContext = { kind: 'image'; reference: string } | { kind: 'files' } | { kind: 'scratch' };

/** Build contexts by their names, as `contextName` writes them. */
export type NamedContexts = ReadonlyMap<string, NamedContext>;

/**
 * The name of a build context in the form in which names are compared: `Alpine:latest` and `alpine` are one, since
 * a context may stand for an image.
 */
export function contextName(written: string): string {
  try {
    return familiarName(parseReference(written)).replace(/:latest$/, '');
  } catch (error) {
    if (error instanceof JettisonError) return written.toLowerCase();
    throw error;
  }
}

/** The prefix of an image's reference that is a folder of this machine: an OCI image layout. */
export const OCI_LAYOUT = 'oci-layout://';

/** A base image as messages call it. */
export function shownName(reference: string): string {
  return reference.startsWith(OCI_LAYOUT) ? reference : familiarName(reference);
}
