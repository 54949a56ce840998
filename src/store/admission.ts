import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { isKnownLayout, layoutVersion } from '../image/sound.ts';
import type { StoreLayout } from './layout.ts';
import { readObject } from './read-json.ts';

/**
 * What the store's own files and folders mean: `{"format":1}` in `store.json`. Raised when an older Jettison would
 * damage what a newer one has written; a store without the file is of format 1.
 */
export const STORE_FORMAT = 1;

/** Who is shown as owner where the owner is not known, as on NFS, and in namespaces that lack an id. */
const NOBODY = 65534;

/**
 * Refuses to write into a store that is not for this process.
 *
 * @returns whether the store is there already
 * @throws JettisonError `STORE_VERSION` for the store of a newer Jettison; `STORE_FOREIGN` for root in the store of
 * another user, who could neither use nor delete what root leaves there
 */
export function admitStore(layout: StoreLayout, env: NodeJS.ProcessEnv): boolean {
  const marker = readObject(layout.ociLayout);
  if (process.getuid?.() === 0) refuseForeign(layout.home, marker !== undefined, env);
  if (marker === undefined) return false;
  const version = layoutVersion(marker);
  if (version !== undefined && !isKnownLayout(version)) {
    throw newer(layout, `has the image layout version ${version}, and this Jettison knows version 1`);
  }
  const { format } = (readObject(layout.format) ?? {}) as { format?: unknown };
  if (format !== undefined && format !== STORE_FORMAT) {
    throw newer(
      layout,
      `has format ${JSON.stringify(format)}, and this Jettison knows format ${STORE_FORMAT}`,
    );
  }
  return true;
}

/**
 * Root may make a store in the folder of somebody else, as containers with a mounted home do; not under sudo, which
 * may have kept the caller's HOME.
 */
function refuseForeign(home: string, exists: boolean, env: NodeJS.ProcessEnv): void {
  const owner = exists ? statSync(home).uid : ownerAbove(home);
  if (owner === 0 || owner === NOBODY) return;
  if (!exists && String(owner) !== env['SUDO_UID']) return;
  throw new JettisonError(
    'STORE_FOREIGN',
    `the store ${home} belongs to user ${owner}, who could not use what root writes there`,
    {
      hint:
        'Run it as that user, or give root a store of its own: `sudo -H jettison …`, or another folder in ' +
        'JETTISON_HOME.',
    },
  );
}

/** Who owns the nearest folder that is there. */
function ownerAbove(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.uid ?? (dirname(path) === path ? 0 : ownerAbove(dirname(path)));
}

function newer({ home }: StoreLayout, reason: string): JettisonError {
  return new JettisonError('STORE_VERSION', `the store ${home} ${reason}`, {
    hint: 'A newer Jettison has made it: use that one, or another folder in JETTISON_HOME.',
  });
}
