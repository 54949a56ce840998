/**
 * One path of a layer. Paths are relative to the image's root, separated by `/`, without a leading or
 * trailing slash and without `.`, `..` or empty components; the root itself is the empty string.
 */
export interface Entry {
  path: string;
  type: EntryType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. 0 for whiteouts, 0o777 for symlinks. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content; 0 for everything but files (a hard link carries its file's size). */
  size: number;
  /** Modification time: whole seconds since 1970, may be negative. */
  mtime: number;
  /** Nanoseconds within the second; absent is 0. Kept on disk, never written to tars. */
  mtimeNs?: number;
  /** Symlink: the target as written. Hard link: the path, within the same layer, of the file it names. */
  link?: string;
  /** Device numbers of character and block devices. */
  device?: { major: number; minor: number };
  /** Extended attributes that belong to the image; values in base64. */
  xattrs?: Record<string, string>;
  /** sha256 of a file's content: 64 hex digits. A hard link carries its file's. Absent: not known yet. */
  digest?: string;
  /** A directory that hides everything the layers below hold under it. */
  opaque?: true;
}

/** `whiteout` hides the path (and everything under it) in the layers below. Sockets never enter a layer. */
export type EntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'char'
  | 'block'
  | 'fifo'
  | 'whiteout';

/** Where the bytes of a file are. */
export type Source =
  /** An absolute path on the machine (context files); never inside a layer. */
  | {
      kind: 'host';
      path: string;
      /** Change time (ctime) when it was selected, in milliseconds since 1970; absent: says nothing. */
      changedMs?: number;
    }
  /** The file of that path inside a layer of the store. */
  | { kind: 'layer'; layer: string; path: string }
  /** Small literal content (heredocs, made files): base64. */
  | { kind: 'inline'; data: string };

/** An entry together with where its content comes from (files only): the line of a recipe. */
export interface RecipeEntry extends Entry {
  source?: Source;
}

/**
 * Canonical order of paths: component by component, i.e. as if `/` sorted before every other character,
 * components by UTF-8 bytes. A directory comes directly before everything below it, so each subtree is one
 * contiguous run.
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      if (x === 47) return -1;
      if (y === 47) return 1;
      // Surrogates sort after the rest of the BMP in UTF-8, not before U+E000.
      const xs = x >= 0xd800 && x <= 0xdfff;
      const ys = y >= 0xd800 && y <= 0xdfff;
      if (xs !== ys) return xs ? 1 : -1;
      return x - y;
    }
  }
  return a.length - b.length;
}

/** The directory that holds a path: `a/b` → `a`, `a` → ``. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** The last component of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Joins two clean relative paths; either may be empty. */
export function join(directory: string, name: string): string {
  return directory === '' ? name : name === '' ? directory : `${directory}/${name}`;
}
