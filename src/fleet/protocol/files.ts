import { bytes, integer, longInteger, map, message, nested, text } from './message.ts';

// Messages of github.com/tonistiigi/fsutil, by which files are sent: https://github.com/tonistiigi/fsutil

/** The kinds of a packet. */
export const PACKET = { stat: 0, request: 1, data: 2, finish: 3, error: 4 } as const;

/** Bits of a `mode`, as Go's os.FileMode has them. */
export const MODE = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  fifo: 2 ** 25,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  charDevice: 2 ** 21,
  sticky: 2 ** 20,
} as const;

export const stat = message({
  path: text(1),
  mode: integer(2),
  uid: integer(3),
  gid: integer(4),
  size: integer(5),
  /** Nanoseconds since 1970. */
  modTime: longInteger(6),
  linkname: text(7),
  major: integer(8),
  minor: integer(9),
  xattrs: map(10, bytes),
});

export const packet = message({
  type: integer(1),
  /** Without one, a packet of this type says that all files were named. */
  stat: nested(2, stat),
  /** The place of the file in the order of the `stat` packets. */
  id: integer(3),
  data: bytes(4),
});
