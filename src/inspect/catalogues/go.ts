import type { Catalogue } from '../catalogue.ts';
import type { Census } from '../census.ts';
import { searchElf } from '../stream-search.ts';

interface Module {
  path: string;
  version: string;
}

interface Fact {
  /** Of Go: `1.22.1`. */
  go: string;
  /** The package that the program is of, inside `module`. */
  program?: string;
  module?: Module;
  dependencies: Module[];
}

const LEAST = 256 << 10;
const INFO = Buffer.from('\xff Go buildinf:', 'latin1');
const ALIGNMENT = 16;
/** Frames around the list of modules, wherever it is. */
const LIST_START = Buffer.from('3077af0c9274080241e1c107e6d618e6', 'hex');
const LIST_END = Buffer.from('f932433186182072008242104116d8f2', 'hex');
const LIST_LIMIT = 1 << 20;
/** Bytes after the header of programs made by Go before 1.18, which hold the strings' addresses. */
const DATA_LIMIT = 1 << 20;
const HEAD = 4096;
const PROGRAM_LOADED = 1;

/**
 * Programs made by Go: the block of `debug/buildinfo`, with Go's version and the modules. Since Go 1.18 both strings
 * follow the block; before, it holds their addresses, and the version is found by its address among all other strings.
 */
export const go: Catalogue<Fact> = {
  id: 'go',

  wants: (_path, size, mode) => (size >= LEAST && (mode & 0o111) !== 0 ? 'pieces' : undefined),

  scan() {
    let head: Buffer | undefined;
    let found: { go: string; list: string } | undefined;
    let pointing: { around: Buffer; at: number; offset: number } | undefined;
    let list: string | undefined;
    const versions = new Map<number, string>();
    const needles = [
      {
        ...{ find: Buffer.from('\x7fELF', 'latin1'), before: 0, after: HEAD },
        found(around: Buffer, _at: number, offset: number) {
          if (offset === 0) head = around;
          return true;
        },
      },
      {
        ...{ find: INFO, before: 0, after: DATA_LIMIT },
        found(around: Buffer, at: number, offset: number) {
          if (offset % ALIGNMENT !== 0) return false;
          if ((around[at + 15]! & 2) === 0) pointing ??= { around, at, offset };
          else found ??= inline(around.subarray(at + 32));
          return found !== undefined;
        },
      },
      {
        ...{ find: LIST_START, before: 0, after: LIST_LIMIT },
        found(around: Buffer) {
          const end = around.indexOf(LIST_END);
          if (end >= 0) list ??= around.toString('utf8', LIST_START.length, end);
          return list !== undefined;
        },
      },
      {
        ...{ find: Buffer.from('go1.'), before: 0, after: 24 },
        found(around: Buffer, _at: number, offset: number) {
          versions.set(offset, around.toString('latin1'));
          return false;
        },
      },
    ];
    return searchElf(needles, () => {
      if (pointing !== undefined && head !== undefined) {
        const version = pointedVersion(head, pointing, versions);
        if (version !== undefined) found ??= { go: version, list: list ?? '' };
      }
      return found === undefined ? undefined : factOf(found.go, found.list);
    });
  },

  own(census, facts) {
    for (const [path, fact] of facts) own(census, path, fact);
  },
};

function own(census: Census, path: string, { go: version, module, program, dependencies }: Fact): void {
  const enter = (name: string, of: string, more: { requires?: string[]; partOf?: string } = {}) =>
    census.enter({
      ...{ id: `golang:${name}@${of}:/${path}`, type: 'golang', name, version: of, kind: 'go', path },
      purl: `pkg:golang/${name.split('/').map(encodeURIComponent).join('/')}@${encodeURIComponent(of)}`,
      ...more,
    });
  const name = module?.path ?? program ?? 'command-line-arguments';
  const ownVersion = module?.version ?? '(devel)';
  const partOf = `golang:${name}@${ownVersion}:/${path}`;
  const inner = [
    enter('stdlib', version, { partOf }),
    ...dependencies.map((one) => enter(one.path, one.version, { partOf })),
  ];
  const owner = enter(name, ownVersion, { requires: inner.map(({ id }) => id) });
  census.own(census.leaf(path), owner, 'go');
}

/** Two strings, each after its length. */
function inline(text: Buffer): { go: string; list: string } | undefined {
  const version = lengthed(text, 0);
  const list = version && lengthed(text, version.end);
  if (version === undefined || list === undefined || goVersion(version.text) === undefined) return undefined;
  return { go: version.text, list: list.text.slice(LIST_START.length, -LIST_END.length || undefined) };
}

function lengthed(from: Buffer, at: number): { text: string; end: number } | undefined {
  let length = 0;
  let start = at;
  for (let shift = 0; ; shift += 7) {
    const byte = from[start++];
    if (byte === undefined || shift > 28) return undefined;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const end = start + length;
  // The frames are bytes, not text.
  return end > from.length ? undefined : { text: from.toString('latin1', start, end), end };
}

/** The block has the address of a string: of its address and length. */
function pointedVersion(
  head: Buffer,
  { around, at, offset }: { around: Buffer; at: number; offset: number },
  versions: ReadonlyMap<number, string>,
): string | undefined {
  const size = around[at + 14]!;
  if ((size !== 4 && size !== 8) || around[at + 15] !== 0) return undefined;
  const number = (from: number) =>
    from < 0 || from + size > around.length
      ? undefined
      : size === 4
        ? around.readUInt32LE(from)
        : Number(around.readBigUInt64LE(from));
  const header = offsetOf(head, number(at + ALIGNMENT));
  if (header === undefined) return undefined;
  const text = offsetOf(head, number(at + header - offset));
  const length = number(at + header - offset + size);
  return text === undefined || length === undefined
    ? undefined
    : goVersion(versions.get(text)?.slice(0, length));
}

/** The offset in the file of what is loaded at an address. */
function offsetOf(head: Buffer, address: number | undefined): number | undefined {
  if (address === undefined || head.length < 64) return undefined;
  const is64 = head[4] === 2;
  const read = (at: number) => (is64 ? Number(head.readBigUInt64LE(at)) : head.readUInt32LE(at));
  const table = read(is64 ? 32 : 28);
  const size = head.readUInt16LE(is64 ? 54 : 42);
  const count = head.readUInt16LE(is64 ? 56 : 44);
  for (let i = 0; i < count; i++) {
    const at = table + i * size;
    if (size < 32 || at + size > head.length) return undefined;
    if (head.readUInt32LE(at) !== PROGRAM_LOADED) continue;
    const [offset, start, length] = is64
      ? [read(at + 8), read(at + 16), read(at + 32)]
      : [read(at + 4), read(at + 8), read(at + 16)];
    if (address >= start && address < start + length) return offset + address - start;
  }
  return undefined;
}

function goVersion(text: string | undefined): string | undefined {
  return text !== undefined && /^(go1[\w.+-]*|devel [^\n]*)/.test(text) ? text : undefined;
}

/** Lines of `path`, `mod`, `dep` and `=>` (what takes the place of the line above), separated by tabs. */
function factOf(version: string, list: string): Fact {
  const fact: Fact = { go: version.replace(/^go/, '').split(' ', 1)[0]!, dependencies: [] };
  for (const line of list.split('\n')) {
    const [kind, path = '', of = ''] = line.split('\t');
    if (path === '') continue;
    if (kind === 'path') fact.program = path;
    else if (kind === 'mod') fact.module = { path, version: of };
    else if (kind === 'dep') fact.dependencies.push({ path, version: of });
    else if (kind === '=>' && fact.dependencies.length > 0)
      fact.dependencies.splice(-1, 1, { path, version: of });
  }
  return fact;
}
