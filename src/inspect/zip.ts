import { inflateRawSync } from 'node:zlib';
import type { RandomAccess } from './random-access.ts';

/** A file in a zip archive. */
export interface ZipMember {
  name: string;
  /** Unpacked. */
  size: number;
  packed: number;
  method: number;
  /** Of its local header. */
  offset: number;
}

const END = 0x06054b50;
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const CENTRAL = 0x02014b50;
const CENTRAL_SIZE = 46;
const LOCAL_SIZE = 30;
const CENTRAL_LIMIT = 64 << 20;
const UNPACKED_LIMIT = 64 << 20;
export const STORED = 0;
const DEFLATED = 8;

/**
 * The members of a zip archive (jar, wheel, yarn's cache), from its central directory (PKWARE's APPNOTE 4.3.12). Offsets
 * count from where the archive begins, which a program in front of it moves.
 *
 * @returns undefined for what is not one, or is larger than 4 GiB (zip64)
 */
export function zipMembers(file: RandomAccess): ZipMember[] | undefined {
  const tailAt = Math.max(0, file.size - END_SIZE - LONGEST_COMMENT);
  const tail = file.read(tailAt, file.size - tailAt);
  const end = lastEnd(tail);
  if (end === undefined) return undefined;
  const size = tail.readUInt32LE(end + 12);
  const start = tailAt + end - size;
  const shift = start - tail.readUInt32LE(end + 16);
  if (start < 0 || size > CENTRAL_LIMIT || shift < 0) return undefined;
  const central = file.read(start, size);
  const members: ZipMember[] = [];
  for (let at = 0; at + CENTRAL_SIZE <= central.length && central.readUInt32LE(at) === CENTRAL; ) {
    const nameEnd = at + CENTRAL_SIZE + central.readUInt16LE(at + 28);
    members.push({
      name: central.toString('utf8', at + CENTRAL_SIZE, nameEnd),
      method: central.readUInt16LE(at + 10),
      packed: central.readUInt32LE(at + 20),
      size: central.readUInt32LE(at + 24),
      offset: central.readUInt32LE(at + 42) + shift,
    });
    at = nameEnd + central.readUInt16LE(at + 30) + central.readUInt16LE(at + 32);
  }
  return members;
}

/** Where the packed bytes of a member are. @returns undefined for a damaged archive */
export function zipContent(file: RandomAccess, member: ZipMember): { start: number } | undefined {
  const local = file.read(member.offset, LOCAL_SIZE);
  if (local.length < LOCAL_SIZE) return undefined;
  return { start: member.offset + LOCAL_SIZE + local.readUInt16LE(26) + local.readUInt16LE(28) };
}

/** The content of a small member. @returns undefined for what is damaged, packed otherwise or larger than 64 MiB */
export function readZipMember(file: RandomAccess, member: ZipMember): Buffer | undefined {
  const content = zipContent(file, member);
  if (content === undefined || member.packed > UNPACKED_LIMIT) return undefined;
  const packed = file.read(content.start, member.packed);
  if (member.method === STORED) return packed;
  if (member.method !== DEFLATED || member.size > UNPACKED_LIMIT) return undefined;
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, member.size) });
  } catch {
    return undefined;
  }
}

function lastEnd(tail: Buffer): number | undefined {
  for (let at = tail.length - END_SIZE; at >= 0; at--) {
    if (tail[at] === 0x50 && tail.readUInt32LE(at) === END) return at;
  }
  return undefined;
}
