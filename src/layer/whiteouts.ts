import { nameOf, parentOf } from './entry.ts';

/** How the OCI image specification writes deletions in a layer's tar. */

const PREFIX = '.wh.';

/** The marker file of an opaque directory, which hides its entries in the layers below. */
export const OPAQUE_MARKER = '.wh..wh..opq';

/** The marker file that hides a path: `a/b` → `a/.wh.b`. */
export function whiteoutName(path: string): string {
  const parent = parentOf(path);
  return `${parent === '' ? '' : `${parent}/`}${PREFIX}${nameOf(path)}`;
}

/**
 * What a file's name in a layer's tar means. `ignored`: other names that begin with `.wh..wh.` are the
 * bookkeeping of a file system (aufs) and no part of the image.
 */
export function readMarker(
  name: string,
): { kind: 'opaque' } | { kind: 'whiteout'; name: string } | { kind: 'ignored' } | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  if (name === OPAQUE_MARKER) return { kind: 'opaque' };
  const hidden = name.slice(PREFIX.length);
  if (hidden.startsWith(PREFIX) || hidden === '' || hidden === '.' || hidden === '..') {
    return { kind: 'ignored' };
  }
  return { kind: 'whiteout', name: hidden };
}
