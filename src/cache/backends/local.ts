import { resolve } from 'node:path';
import { usageError } from '../../errors/error.ts';
import type { Key } from '../../fields/keys.ts';
import type { PlaceBackend } from '../backend.ts';

/** A cache in a folder that is an OCI image layout. */
export interface FolderCache {
  type: 'local';
  /** Absolute. */
  path: string;
  /** Keeps several caches of one folder apart; default `latest`. */
  tag?: string;
}

const folder: Key<FolderCache> = {
  value: 'FOLDER',
  help: 'The folder.',
  required: true,
  set(location, value, { cwd }) {
    location.path = resolve(cwd, value);
  },
};

const tag: Key<FolderCache> = {
  value: 'TAG',
  help: 'Keeps several caches of one folder apart.',
  set(location, value) {
    if (!/^\w[\w.-]{0,127}$/.test(value)) {
      throw usageError(`invalid tag "${value}"`, 'A tag has letters, digits, underscores, dots and hyphens.');
    }
    location.tag = value;
  },
};

export const local: PlaceBackend<FolderCache> = {
  type: 'local',
  kind: 'place',
  usage: '`type=local,dest=FOLDER`, for `--cache-from` `src=FOLDER`',
  help: 'A folder, an OCI image layout. `tag=` keeps several caches apart in it.',
  from: { src: folder, tag },
  to: { dest: folder, tag },
  label: ({ path, tag: named }) => (named === undefined ? path : `${path} (${named})`),
  async open({ path, tag: named = 'latest' }, { store }) {
    const { FolderPlace } = await import('../folder-place.ts');
    return new FolderPlace(store, path, named);
  },
};
