import type { FileList, ListedFile } from '../../history/file-list.ts';
import { digestOf } from '../../image/digest.ts';
import { copied, type Selection } from './selection.ts';

/** How many digits of a file's digest are kept: enough to tell its versions apart. */
const DIGITS = 16;

/** The files of a selection by their paths in what they were selected from, for the builds on record. */
export function listedFiles({ sources }: Selection): FileList {
  const list = new Map<string, ListedFile>();
  for (const source of sources) {
    for (const selected of source.entries) {
      const { path } = selected.entry;
      const { type, mode, uid, gid, size, digest, link, device, xattrs } = copied(selected);
      const content =
        digest?.slice(0, DIGITS) ?? link ?? (device === undefined ? '' : `${device.major}:${device.minor}`);
      const isHeredoc = path === '' && source.kind === 'file';
      list.set(isHeredoc ? `<<${source.name}` : path, {
        ...{ type, mode, owner: `${uid}:${gid}`, size, content },
        ...(xattrs === undefined ? {} : { attributes: digestOf(xattrs).slice(-8) }),
      });
    }
  }
  return list;
}
