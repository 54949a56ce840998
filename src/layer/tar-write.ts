import { type Entry, nameOf, parentOf } from './entry.ts';
import { bytesOfName } from './names.ts';
import { OPAQUE_MARKER, whiteoutName } from './whiteouts.ts';

const TAR_BLOCK = 512;

/** The end of a tar: two blocks of zeros. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK);

const MAX_NAME = 100;
const MAX_PREFIX = 155;
/** Largest numbers in fields of 7 and 11 octal digits. */
const MAX_7 = 0o7777777;
const MAX_11 = 0o77777777777;

const TYPE_FLAGS = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
  whiteout: '0',
} as const;

/** Bytes of padding after content of this many bytes. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/**
 * The canonical header blocks of an entry: ustar, preceded by a PAX header only for what ustar cannot hold.
 * The same entry always gives the same bytes: no user names, whole-second times. A file's content and its
 * padding follow. An opaque directory is followed by its marker, a whiteout is a file with a marker's name.
 *
 * @param clampTime later modification times are written as this many seconds since 1970
 */
export function tarHeader(entry: Entry, clampTime = Number.POSITIVE_INFINITY): Buffer {
  const parts: Buffer[] = [];
  if (entry.type === 'whiteout') {
    addHeader(parts, { ...entry, path: whiteoutName(entry.path) }, clampTime);
  } else {
    addHeader(parts, entry, clampTime);
    if (entry.opaque) {
      const path = entry.path === '' ? OPAQUE_MARKER : `${entry.path}/${OPAQUE_MARKER}`;
      const marker: Entry = { path, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: entry.mtime };
      addHeader(parts, marker, clampTime);
    }
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function addHeader(parts: Buffer[], entry: Entry, clampTime: number): void {
  const records: [string, Buffer][] = [];
  const suffix = entry.type === 'directory' ? '/' : '';
  const name = bytesOfName(entry.path === '' ? `.${suffix}` : entry.path + suffix);
  const link = bytesOfName(entry.type === 'symlink' || entry.type === 'hardlink' ? entry.link! : '');
  const size = entry.type === 'file' ? entry.size : 0;
  const mtime = Math.min(entry.mtime, clampTime);

  const split = splitName(entry.path, name, suffix);
  if (split === undefined) records.push(['path', name]);
  if (link.length > MAX_NAME || isForeign(link)) records.push(['linkpath', link]);
  if (size > MAX_11) records.push(['size', Buffer.from(String(size))]);
  if (entry.uid > MAX_7) records.push(['uid', Buffer.from(String(entry.uid))]);
  if (entry.gid > MAX_7) records.push(['gid', Buffer.from(String(entry.gid))]);
  if (mtime < 0 || mtime > MAX_11) records.push(['mtime', Buffer.from(String(mtime))]);
  for (const key of Object.keys(entry.xattrs ?? {}).sort()) {
    records.push([`SCHILY.xattr.${encodeKey(key)}`, Buffer.from(entry.xattrs![key]!, 'base64')]);
  }
  if (records.length > 0) {
    const data = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
    parts.push(
      block({ name: Buffer.from('PaxHeader'), flag: 'x', mode: 0o644, size: data.length }),
      data,
      Buffer.alloc(tarPadding(data.length)),
    );
  }
  parts.push(
    block({
      name: split?.name ?? name.subarray(0, MAX_NAME),
      prefix: split?.prefix,
      flag: TYPE_FLAGS[entry.type],
      mode: entry.mode,
      uid: entry.uid > MAX_7 ? 0 : entry.uid,
      gid: entry.gid > MAX_7 ? 0 : entry.gid,
      size: size > MAX_11 ? 0 : size,
      mtime: mtime < 0 || mtime > MAX_11 ? 0 : mtime,
      link: link.subarray(0, MAX_NAME),
      device: entry.type === 'char' || entry.type === 'block' ? entry.device : undefined,
    }),
  );
}

interface Fields {
  name: Buffer;
  prefix?: Buffer | undefined;
  flag: string;
  mode: number;
  uid?: number;
  gid?: number;
  size: number;
  mtime?: number;
  link?: Buffer;
  device?: { major: number; minor: number } | undefined;
}

function block(fields: Fields): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  fields.name.copy(header, 0);
  octal(header, 100, 7, fields.mode);
  octal(header, 108, 7, fields.uid ?? 0);
  octal(header, 116, 7, fields.gid ?? 0);
  octal(header, 124, 11, fields.size);
  octal(header, 136, 11, fields.mtime ?? 0);
  header.fill(' ', 148, 156);
  header.write(fields.flag, 156, 'latin1');
  fields.link?.copy(header, 157);
  header.write('ustar\0', 257, 'latin1');
  header.write('00', 263, 'latin1');
  if (fields.device !== undefined) {
    octal(header, 329, 7, fields.device.major);
    octal(header, 337, 7, fields.device.minor);
  }
  fields.prefix?.copy(header, 345);
  let sum = 0;
  for (let i = 0; i < TAR_BLOCK; i++) sum += header[i]!;
  octal(header, 148, 6, sum);
  header[154] = 0;
  return header;
}

/** Writes a number with leading zeros; the byte after it is left as it is (NUL). */
function octal(header: Buffer, at: number, digits: number, value: number): void {
  for (let i = at + digits - 1; i >= at; i--) {
    header[i] = 48 + (value % 8);
    value = Math.floor(value / 8);
  }
}

/** Splits a path into ustar's name and prefix; undefined when it does not fit. */
function splitName(
  path: string,
  name: Buffer,
  suffix: string,
): { name: Buffer; prefix?: Buffer } | undefined {
  if (isForeign(name)) return undefined;
  if (name.length <= MAX_NAME) return { name };
  if (name.length > MAX_NAME + MAX_PREFIX + 1) return undefined;
  // The prefix is the longest run of parents that fits: a canonical split.
  for (let parent = parentOf(path), rest = nameOf(path); parent !== ''; ) {
    if (rest.length + suffix.length > MAX_NAME) return undefined;
    if (parent.length <= MAX_PREFIX) return { name: Buffer.from(rest + suffix), prefix: Buffer.from(parent) };
    rest = `${nameOf(parent)}/${rest}`;
    parent = parentOf(parent);
  }
  return undefined;
}

/** Whether a name has bytes beyond ASCII: their encoding is undefined in ustar, and UTF-8 in PAX. */
function isForeign(name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) if (name[i]! > 127) return true;
  return false;
}

/** Attribute names are keys of PAX records, which end at `=`: escaped as GNU tar does. */
function encodeKey(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('=', '%3D');
}

/** `<length> <key>=<value>\n`; the length includes its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([bytesOfName(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
