import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ImageLayout } from '../../layout/image-layout.ts';
import { imageOf } from '../image-of.ts';
import type { OpenSource } from '../open-source.ts';

/**
 * An image of an OCI layout: `oci:DIR[:TAG]`.
 *
 * @throws JettisonError `OCI_LAYOUT`, `DIGEST_MISMATCH`, `PLATFORM_MISSING`
 */
export const open: OpenSource = async (text, { cwd, platform }) => {
  const { folder, which } = splitLayout(text.slice('oci:'.length), cwd);
  const layout = ImageLayout.folder(folder);
  return imageOf(layout, layout.choose(which), { name: folder, label: text, platform });
};

/** `DIR[:TAG]`: a folder may have a colon in its name. */
export function splitLayout(text: string, cwd: string): { folder: string; which?: string } {
  const folder = resolve(cwd, text);
  const colon = text.lastIndexOf(':');
  if (colon < 1 || statSync(folder, { throwIfNoEntry: false }) !== undefined) return { folder };
  return { folder: resolve(cwd, text.slice(0, colon)), which: text.slice(colon + 1) };
}
