import type { Cause } from '../events/cause.ts';
import { size as bytes } from '../events/units.ts';

/** A file that a step selected, as far as its layer depends on it. */
export interface ListedFile {
  type: string;
  mode: number;
  /** `uid:gid`. */
  owner: string;
  size: number;
  /** The beginning of a file's digest, the target of a symlink, the numbers of a device. */
  content: string;
  /** Digest of its extended attributes, if it has any. */
  attributes?: string;
}

/** Files by path in what they were selected from. */
export type FileList = ReadonlyMap<string, ListedFile>;

/** A list as it is stored: a row a file, in order. */
export type FileRows = [
  path: string,
  type: string,
  mode: number,
  owner: string,
  size: number,
  content: string,
  attributes?: string,
][];

export function fileRows(list: FileList): FileRows {
  return [...list].map(([path, { type, mode, owner, size, content, attributes }]) => [
    ...([path, type, mode, owner, size, content] as const),
    ...(attributes === undefined ? [] : ([attributes] as const)),
  ]) as FileRows;
}

/** A list from its rows; undefined when they are not such rows. */
export function fileList(rows: unknown): FileList | undefined {
  if (!Array.isArray(rows)) return undefined;
  const list = new Map<string, ListedFile>();
  for (const row of rows as unknown[]) {
    if (!Array.isArray(row)) return undefined;
    const [path, type, mode, owner, size, content, attributes] = row as unknown[];
    const isSound =
      [path, type, owner, content].every((text) => typeof text === 'string') &&
      [mode, size].every((number) => typeof number === 'number') &&
      (attributes === undefined || typeof attributes === 'string');
    if (!isSound) return undefined;
    const [path_, ...file] = row as FileRows[number];
    const [type_, mode_, owner_, size_, content_, attributes_] = file;
    list.set(path_, {
      ...{ type: type_, mode: mode_, owner: owner_, size: size_, content: content_ },
      ...(attributes_ === undefined ? {} : { attributes: attributes_ }),
    });
  }
  return list;
}

/** The differences between two lists. Of a directory that came or went as a whole only the directory is named. */
export function fileCauses(was: FileList, now: FileList, of: Pick<Cause, 'at' | 'place'>): Cause[] {
  const causes: Cause[] = [];
  const gone = [...was].filter(([path]) => !now.has(path));
  // What is in a directory that was a file says nothing new.
  const isInside = (path: string) =>
    ancestors(path).some(
      (one) => now.get(one)?.type === 'directory' && (was.get(one)?.type ?? 'directory') !== 'directory',
    );
  const fresh = [...now].filter(([path]) => !was.has(path) && !isInside(path));
  const renamed = renames(gone, fresh);
  for (const [path, file] of now) {
    const before = was.get(path);
    if (before !== undefined && !isSame(before, file)) {
      causes.push(...changesOf(path, before, file).map((cause) => ({ ...cause, ...of })));
    }
  }
  for (const [from, to] of renamed) causes.push({ kind: 'file-renamed', name: to, was: from, ...of });
  const came = outermost(fresh.filter(([path]) => ![...renamed.values()].includes(path)));
  for (const [path, file, count] of came)
    causes.push({ kind: 'file-new', name: path, now: looks(file, count), ...of });
  const went = outermost(gone.filter(([path]) => !renamed.has(path)));
  for (const [path] of went) causes.push({ kind: 'file-gone', name: path, ...of });
  return causes;
}

/** Paths of both lists that differ, and of one list only. */
export function differingPaths(was: FileList, now: FileList): string[] {
  const changed = [...now].filter(([path, file]) => {
    const before = was.get(path);
    return before === undefined || !isSame(before, file);
  });
  return [...changed.map(([path]) => path), ...[...was.keys()].filter((path) => !now.has(path))];
}

type Listed = [path: string, file: ListedFile];

/** Files that are elsewhere now, with the same content: old path → new path. */
function renames(gone: Listed[], fresh: Listed[]): Map<string, string> {
  const found = new Map<string, string>();
  if (gone.length > 100 || fresh.length > 100) return found;
  const taken = new Set<string>();
  for (const [from, { type, size, content }] of gone) {
    if (type !== 'file' || size === 0) continue;
    const to = fresh.find(
      ([path, file]) => !taken.has(path) && file.type === 'file' && file.content === content,
    );
    if (to === undefined) continue;
    found.set(from, to[0]);
    taken.add(to[0]);
  }
  return found;
}

/** Without what is in a directory that is listed itself; with how many files that are. */
function outermost(files: Listed[]): [path: string, file: ListedFile, count: number][] {
  const kept: [string, ListedFile, number][] = [];
  const directories = new Map<string, [string, ListedFile, number]>();
  for (const [path, file] of files) {
    const above = ancestors(path).find((one) => directories.has(one));
    if (above !== undefined) {
      if (file.type !== 'directory') directories.get(above)![2]++;
      continue;
    }
    const entry: [string, ListedFile, number] = [path, file, 0];
    kept.push(entry);
    if (file.type === 'directory') directories.set(path, entry);
  }
  return kept;
}

function ancestors(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('/'));
}

function isSame(a: ListedFile, b: ListedFile): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.owner === b.owner &&
    a.content === b.content &&
    a.attributes === b.attributes
  );
}

function changesOf(path: string, was: ListedFile, now: ListedFile): Omit<Cause, 'at'>[] {
  const name = path === '' ? '.' : path;
  if (was.type !== now.type) {
    return [{ kind: 'file-type', name, was: article(was.type), now: article(now.type) }];
  }
  const causes: Omit<Cause, 'at'>[] = [];
  if (was.content !== now.content) {
    causes.push(
      now.type === 'file'
        ? { kind: 'file-changed', name, was: String(was.size), now: String(now.size) }
        : { kind: 'file-link', name, was: was.content, now: now.content },
    );
  }
  if (was.mode !== now.mode) {
    causes.push({ kind: 'file-mode', name, was: octal(was.mode), now: octal(now.mode) });
  }
  if (was.owner !== now.owner) causes.push({ kind: 'file-owner', name, was: was.owner, now: now.owner });
  if (was.attributes !== now.attributes) causes.push({ kind: 'file-attributes', name });
  return causes;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function article(type: string): string {
  return `a ${type === 'char' || type === 'block' ? `${type} device` : type}`;
}

function looks({ type, size }: ListedFile, count: number): string {
  if (type === 'directory')
    return count === 1 ? 'a directory with 1 file' : `a directory with ${count} files`;
  return type === 'file' ? bytes(size) : article(type);
}
