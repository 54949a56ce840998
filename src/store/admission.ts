import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { isKnownLayout, layoutVersion } from '../image/sound.ts';
import type { StoreLayout } from './layout.ts';
import { readObject } from './read-json.ts';

/**
 * Version of the store's format, in `store.json`: `{"format":1}`. Raised when an older Jettison would damage files of
 * a newer one. A store without the file has format 1.
 */
export const STORE_FORMAT = 1;

/** The kernel's overflow uid: shown for an unknown owner, as on NFS and for ids that a user namespace does not map. */
const OVERFLOW_UID = 65534;

/**
 * Checks that this process may write into a store.
 *
 * @returns whether the store exists
 * @throws JettisonError `STORE_VERSION` for a store of a newer Jettison; `STORE_FOREIGN` for root in a store of another
 * user, who could neither use nor delete root's files
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
 * Root may create a store in another user's folder, as in containers with a mounted home. Under sudo it may not, since
 * sudo can keep the caller's HOME.
 */
function refuseForeign(home: string, exists: boolean, env: NodeJS.ProcessEnv): void {
  const owner = exists ? statSync(home).uid : ownerAbove(home);
  if (owner === 0 || owner === OVERFLOW_UID) return;
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

/** The owner (uid) of the nearest parent that exists. */
function ownerAbove(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.uid ?? (dirname(path) === path ? 0 : ownerAbove(dirname(path)));
}

function newer({ home }: StoreLayout, reason: string): JettisonError {
  return new JettisonError('STORE_VERSION', `the store ${home} ${reason}`, {
    hint: 'A newer Jettison created it: use that version, or set JETTISON_HOME to another folder.',
  });
}
