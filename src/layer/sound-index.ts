import type { Digest } from '../image/digest.ts';
import { comparePaths, type EntryType, type RecipeEntry } from './entry.ts';
import { contentDigest, encodeEntry, LayerIndex } from './layer-index.ts';

const TYPES: readonly EntryType[] = [
  ...['file', 'directory', 'symlink', 'hardlink', 'char', 'block', 'fifo', 'whiteout'],
] as EntryType[];

/**
 * Validates an untrusted index. All code trusts the paths and sources of an index, so one of another machine must not
 * lead out of its layer: every line is in the format of `encodeIndex`, paths are clean and sorted, parents are
 * directories, hard links name earlier files, and no file has a source.
 *
 * @param content the expected content digest of the entries
 * @returns undefined when it is invalid
 */
export function soundIndex(bytes: Buffer, content: Digest): LayerIndex | undefined {
  const entries: RecipeEntry[] = [];
  const files = new Set<string>();
  let above: RecipeEntry | undefined;
  for (const line of linesOf(bytes)) {
    const entry = readLine(line);
    if (entry === undefined || (above !== undefined && comparePaths(above.path, entry.path) >= 0))
      return undefined;
    const isBelow = above !== undefined && above.path !== '' && entry.path.startsWith(`${above.path}/`);
    if (isBelow && above!.type !== 'directory') return undefined;
    if (entry.type === 'hardlink' && !files.has(entry.link!)) return undefined;
    if (entry.type === 'file') files.add(entry.path);
    entries.push(entry);
    above = entry;
  }
  return contentDigest(entries) === content ? LayerIndex.parse(bytes) : undefined;
}

function* linesOf(bytes: Buffer): Generator<string> {
  let at = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, at)) {
    yield bytes.toString('utf8', at, end);
    at = end + 1;
  }
  if (at < bytes.length) yield bytes.toString('utf8', at);
}

function readLine(line: string): RecipeEntry | undefined {
  try {
    const entry = JSON.parse(line) as RecipeEntry;
    return isSound(entry) && encodeEntry(entry) === line ? entry : undefined;
  } catch {
    return undefined;
  }
}

function isSound(entry: RecipeEntry): boolean {
  const { path, type, mode, size, mtime, mtimeNs, uid, gid, link, device, xattrs, digest, source } = entry;
  return (
    isClean(path) &&
    TYPES.includes(type) &&
    (path !== '' || type === 'directory') &&
    [mode, size, uid, gid, mtimeNs ?? 0].every((number) => Number.isSafeInteger(number) && number >= 0) &&
    mode <= 0o7777 &&
    Number.isSafeInteger(mtime) &&
    (type === 'symlink'
      ? isText(link)
      : type === 'hardlink'
        ? isText(link) && isClean(link)
        : link === undefined) &&
    (device === undefined || [device.major, device.minor].every(Number.isSafeInteger)) &&
    Object.values(xattrs ?? {}).every(isText) &&
    (digest === undefined || /^[0-9a-f]{64}$/.test(digest)) &&
    source === undefined
  );
}

/** @param path relative to the root: '' is the root itself */
function isClean(path: unknown): boolean {
  return (
    typeof path === 'string' &&
    !path.includes('\0') &&
    (path === '' || path.split('/').every((name) => name !== '' && name !== '.' && name !== '..'))
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

const LINE_FEED = 0x0a;
