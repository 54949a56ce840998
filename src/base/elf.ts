/** The headers and dynamic section of an ELF file, as far as the dynamic loader needs them. */
export interface ElfFile {
  /** 32 or 64: a process loads libraries of its own class only. */
  bits: 32 | 64;
  /** `e_machine`: 62 is x86-64, 183 is AArch64. */
  machine: number;
  /** The loader, e.g. `/lib64/ld-linux-x86-64.so.2`; absent in libraries and static programs. */
  interpreter?: string;
  /** DT_SONAME: the name that other files ask for. */
  soname?: string;
  /** DT_NEEDED, in the file's order. */
  needed: string[];
  /** DT_RPATH, split at colons: searched first, also for what the libraries need in turn. */
  rpath: string[];
  /** DT_RUNPATH, split at colons: searched for this file's own needs only, and then `rpath` is ignored. */
  runpath: string[];
}

/** Reads part of a file; gives fewer bytes at its end. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

const SEGMENT = { load: 1, dynamic: 2, interpreter: 3 } as const;
const TAG = {
  end: 0,
  needed: 1,
  stringTable: 5,
  stringSize: 10,
  soname: 14,
  rpath: 15,
  runpath: 29,
} as const;
/** Upper bound of a table's size in bytes, against damaged headers. */
const MAX_PART = 16 * 1024 * 1024;

interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

/**
 * Reads the headers of an ELF file (32 or 64 bit, either byte order).
 *
 * @returns undefined when the file is not an ELF file, or is damaged
 */
export function readElf(readAt: ReadAt): ElfFile | undefined {
  try {
    return parse(readAt);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(readAt: ReadAt): ElfFile | undefined {
  const ident = readAt(0, 64);
  if (ident.length < 52 || ident[0] !== 0x7f || String.fromCharCode(...ident.subarray(1, 4)) !== 'ELF') {
    return undefined;
  }
  if ((ident[4] !== 1 && ident[4] !== 2) || (ident[5] !== 1 && ident[5] !== 2)) return undefined;
  const wide = ident[4] === 2;
  const little = ident[5] === 1;
  const word = (view: DataView, at: number) =>
    wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);

  const header = viewOf(ident);
  const machine = header.getUint16(18, little);
  const tableAt = word(header, wide ? 32 : 28);
  const entrySize = header.getUint16(wide ? 54 : 42, little);
  const entries = header.getUint16(wide ? 56 : 44, little);
  const table = viewOf(read(readAt, tableAt, entrySize * entries));
  const segments: Segment[] = [];
  for (let i = 0; i < entries; i++) {
    const at = i * entrySize;
    segments.push({
      type: table.getUint32(at, little),
      offset: word(table, at + (wide ? 8 : 4)),
      address: word(table, at + (wide ? 16 : 8)),
      size: word(table, at + (wide ? 32 : 16)),
    });
  }

  const file: ElfFile = { bits: wide ? 64 : 32, machine, needed: [], rpath: [], runpath: [] };
  const loader = segments.find((segment) => segment.type === SEGMENT.interpreter);
  if (loader !== undefined) file.interpreter = textAt(read(readAt, loader.offset, loader.size), 0);
  const dynamic = segments.find((segment) => segment.type === SEGMENT.dynamic);
  if (dynamic === undefined) return file;

  const width = wide ? 8 : 4;
  const pairs = viewOf(read(readAt, dynamic.offset, dynamic.size));
  const tags: [tag: number, value: number][] = [];
  for (let at = 0; at + 2 * width <= pairs.byteLength; at += 2 * width) {
    const tag = word(pairs, at);
    if (tag === TAG.end) break;
    tags.push([tag, word(pairs, at + width)]);
  }
  const first = (wanted: number) => tags.find(([tag]) => tag === wanted)?.[1];
  const stringsAt = first(TAG.stringTable);
  if (stringsAt === undefined) return file;
  // The string table is given by its address in memory; the segment loaded there gives the file offset.
  const home = segments.find(
    ({ type, address, size }) => type === SEGMENT.load && stringsAt >= address && stringsAt < address + size,
  );
  if (home === undefined) throw new RangeError('the string table is in no segment');
  const strings = read(readAt, stringsAt - home.address + home.offset, first(TAG.stringSize) ?? 0);

  for (const [tag, value] of tags) {
    if (tag === TAG.needed) file.needed.push(textAt(strings, value));
    else if (tag === TAG.soname) file.soname = textAt(strings, value);
    else if (tag === TAG.rpath) file.rpath = split(textAt(strings, value));
    else if (tag === TAG.runpath) file.runpath = split(textAt(strings, value));
  }
  return file;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function read(readAt: ReadAt, offset: number, length: number): Uint8Array {
  if (length > MAX_PART || !Number.isSafeInteger(offset + length)) throw new RangeError('implausible size');
  const bytes = readAt(offset, length);
  if (bytes.length < length) throw new RangeError('the file ends too early');
  return bytes;
}

/** The zero-terminated string at an offset. */
function textAt(bytes: Uint8Array, offset: number): string {
  if (offset >= bytes.length) throw new RangeError('a name outside of the string table');
  const end = bytes.indexOf(0, offset);
  return new TextDecoder().decode(bytes.subarray(offset, end < 0 ? bytes.length : end));
}

function split(path: string): string[] {
  return path.split(':').filter((part) => part !== '');
}
