import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { nameOfBytes } from '../layer/names.ts';
import { damaged } from './git-error.ts';

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';

export interface GitObject {
  type: ObjectType;
  data: Buffer;
}

/** Hash of a repository's object names. */
export type HashName = 'sha1' | 'sha256';

/** Bytes of an object's name. */
export function sizeOfHash(hash: HashName): number {
  return hash === 'sha1' ? 20 : 32;
}

/** The name of an object: hexadecimal. */
export function objectId(hash: HashName, type: ObjectType, data: Uint8Array): string {
  return createHash(hash).update(`${type} ${data.length}\0`).update(data).digest('hex');
}

export interface Commit {
  id: string;
  tree: string;
  parents: string[];
  /** Committer's time: seconds since 1970. */
  time: number;
  /** The first line of its message. */
  subject: string;
}

/** Parses a commit: header lines, an empty line, the message. */
export function parseCommit(id: string, data: Buffer): Commit {
  const text = data.toString('utf8');
  const end = text.indexOf('\n\n');
  const header = end < 0 ? text : text.slice(0, end);
  const message = end < 0 ? '' : text.slice(end + 2);
  const tree = /^tree ([0-9a-f]{40,64})$/m.exec(header)?.[1];
  if (tree === undefined) throw damaged(`the commit ${id} has no tree`);
  const parents = [...header.matchAll(/^parent ([0-9a-f]{40,64})$/gm)].map(([, parent]) => parent!);
  const time = Number(/^committer .*> (-?\d+) [-+]\d+$/m.exec(header)?.[1] ?? 0);
  return { id, tree, parents, time, subject: message.split('\n', 1)[0]! };
}

/** One entry of a tree. `module`: a submodule, a commit of another repository. */
export interface TreeLine {
  name: string;
  kind: 'file' | 'executable' | 'symlink' | 'directory' | 'module';
  id: string;
}

const SPACE = 32;

/**
 * Parses a tree: a sequence of `MODE NAME\0ID`. Names that git refuses to check out (`..`, `.git`, with a slash) are
 * errors.
 */
export function parseTree(id: string, data: Buffer, hash: HashName): TreeLine[] {
  const size = sizeOfHash(hash);
  const lines: TreeLine[] = [];
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(SPACE, at);
    const zero = space < 0 ? -1 : data.indexOf(0, space);
    if (zero < 0 || zero + 1 + size > data.length) throw damaged(`the tree ${id} is cut short`);
    const name = nameOfBytes(data.subarray(space + 1, zero));
    if (name === '' || name === '.' || name === '..' || name.toLowerCase() === '.git' || name.includes('/')) {
      throw damaged(`the tree ${id} has an entry called "${name}"`);
    }
    const mode = data.toString('latin1', at, space);
    lines.push({ name, kind: kindOf(mode, id), id: data.toString('hex', zero + 1, zero + 1 + size) });
    at = zero + 1 + size;
  }
  return lines;
}

function kindOf(mode: string, id: string): TreeLine['kind'] {
  const bits = /^[0-7]{5,6}$/.test(mode) ? Number.parseInt(mode, 8) : 0;
  switch (bits & 0o170000) {
    case 0o040000:
      return 'directory';
    case 0o100000:
      return (bits & 0o100) === 0 ? 'file' : 'executable';
    case 0o120000:
      return 'symlink';
    case 0o160000:
      return 'module';
    default:
      throw damaged(`the tree ${id} has an entry of the mode ${mode}`);
  }
}

/** Inflates bytes, and ignores bytes after them. @param size expected size of the result */
export function inflate(bytes: Buffer, size: number): Buffer {
  let found: Buffer;
  try {
    found = inflateSync(bytes, { maxOutputLength: Math.max(size, 1), chunkSize: Math.max(64, size + 1) });
  } catch {
    throw damaged('an object cannot be decompressed');
  }
  if (found.length !== size) throw damaged('an object has another size than its header');
  return found;
}
