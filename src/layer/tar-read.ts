import { JettisonError } from '../errors/error.ts';
import { limit, limitExceeded } from '../errors/limits.ts';
import type { EntryType } from './entry.ts';
import { nameOfBytes } from './names.ts';

const BLOCK = 512;
/** Maximum bytes of an extended header or long name. */
const MAX_EXTENSION = 1 << 20;
/** Linux's limits, in bytes. */
const MAX_PATH = 4096;
const MAX_NAME = 255;
const MAX_XATTR_NAME = 255;
const MAX_XATTR = 65536;
const SLASH = 0x2f;

/** One member of a tar, as in its headers, with names not yet cleaned. */
export interface TarHeader {
  /** As written: may be absolute, contain `.` and `..`, and end with slashes. */
  name: string;
  type: Exclude<EntryType, 'whiteout'>;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content that follow; 0 for everything but files. */
  size: number;
  mtime: number;
  mtimeNs?: number;
  link?: string;
  device?: { major: number; minor: number };
  /** Values in base64. */
  xattrs?: Record<string, string>;
}

/** Callbacks of a reader, called synchronously in the order of the tar. */
export interface TarHandler {
  entry(header: TarHeader): void;
  /** A piece of the last entry's content; only valid during the call. */
  data(chunk: Buffer): void;
  /** The last entry's content is complete (called for entries without content, too). */
  end(): void;
}

/**
 * Reads a tar in chunks of any size: v7, ustar, PAX (also global headers), GNU long names and base-256 numbers. Keeps at
 * most one header and its extensions in memory.
 */
export class TarReader {
  readonly #handler: TarHandler;
  /** Bytes of an incomplete block or extension, and how many are needed. */
  #held: Buffer = Buffer.alloc(0);
  #needed = BLOCK;
  #extension: { flag: string; size: number } | undefined;
  #content = 0;
  #padding = 0;
  #zeroBlocks = 0;
  #global: Map<string, Buffer> = new Map();
  #local: Map<string, Buffer> = new Map();
  readonly #limits = { entries: limit('archive-entries'), names: limit('archive-names') };
  #entries = 0;
  #names = 0;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  /** @throws JettisonError `TAR_INVALID`, `TAR_UNSUPPORTED`, `LIMIT_EXCEEDED` */
  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#zeroBlocks >= 2) return;
      if (this.#content > 0) {
        const take = Math.min(this.#content, chunk.length - at);
        this.#handler.data(chunk.subarray(at, at + take));
        at += take;
        this.#content -= take;
        if (this.#content === 0) this.#handler.end();
      } else if (this.#padding > 0) {
        const take = Math.min(this.#padding, chunk.length - at);
        at += take;
        this.#padding -= take;
      } else if (this.#held.length === 0 && chunk.length - at >= this.#needed) {
        const whole = chunk.subarray(at, at + this.#needed);
        at += this.#needed;
        this.#take(whole);
      } else {
        const take = Math.min(this.#needed - this.#held.length, chunk.length - at);
        this.#held = Buffer.concat([this.#held, chunk.subarray(at, at + take)]);
        at += take;
        if (this.#held.length === this.#needed) {
          const whole = this.#held;
          this.#held = Buffer.alloc(0);
          this.#take(whole);
        }
      }
    }
  }

  /** Bytes of content and padding before the next header. */
  get awaited(): number {
    return this.#content + this.#padding;
  }

  /** Skips these bytes, for a caller that seeks to the next header. */
  skip(): void {
    if (this.#content > 0) {
      this.#content = 0;
      this.#handler.end();
    }
    this.#padding = 0;
  }

  /** @throws JettisonError `TAR_INVALID` when the tar ends in the middle of a member */
  end(): void {
    if (this.#zeroBlocks >= 2) return;
    if (this.#content > 0 || this.#held.length > 0 || this.#extension !== undefined) {
      throw invalid('it ends in the middle of an entry');
    }
  }

  #take(block: Buffer): void {
    if (this.#extension !== undefined) this.#takeExtension(block);
    else this.#takeHeader(block);
  }

  #takeExtension(block: Buffer): void {
    const { flag, size } = this.#extension!;
    const data = block.subarray(0, size);
    this.#extension = undefined;
    this.#needed = BLOCK;
    if (flag === 'L') this.#local.set('path', untilNul(data));
    else if (flag === 'K') this.#local.set('linkpath', untilNul(data));
    else readPax(data, flag === 'g' ? this.#global : this.#local);
  }

  #takeHeader(header: Buffer): void {
    if (header.every((byte) => byte === 0)) {
      this.#zeroBlocks++;
      return;
    }
    // Only two blocks of zeros in a row end the tar.
    this.#zeroBlocks = 0;
    verifyChecksum(header);
    const flag = String.fromCharCode(header[156]!);
    const size = readNumber(header, 124, 12);
    if ('xgXLK'.includes(flag)) {
      if (size > MAX_EXTENSION) throw invalid('an extended header of more than 1 MiB');
      this.#countNames(size);
      this.#extension = { flag, size };
      this.#needed = Math.ceil(size / BLOCK) * BLOCK;
      if (this.#needed === 0) this.#takeExtension(Buffer.alloc(0));
      return;
    }
    const pax = new Map([...this.#global, ...this.#local]);
    this.#local = new Map();
    if (flag === 'V') return;
    const entry = readEntry(header, flag, size, pax);
    this.#content = entry.size;
    this.#padding = (BLOCK - (entry.size % BLOCK)) % BLOCK;
    if (++this.#entries > this.#limits.entries) throw limitExceeded('archive-entries', 'the archive');
    this.#countNames(lengthOfNames(entry));
    this.#handler.entry(entry);
    if (entry.size === 0) this.#handler.end();
  }

  #countNames(bytes: number): void {
    this.#names += bytes;
    if (this.#names > this.#limits.names)
      throw limitExceeded('archive-names', 'all names and attributes of the archive together');
  }
}

function lengthOfNames({ name, link = '', xattrs = {} }: TarHeader): number {
  let length = name.length + link.length;
  for (const key in xattrs) length += key.length + xattrs[key]!.length;
  return length;
}

function readEntry(header: Buffer, flag: string, size: number, pax: Map<string, Buffer>): TarHeader {
  const sparse = [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'));
  const ustar = header.toString('latin1', 257, 263) === 'ustar\0';
  const shortName = untilNul(header.subarray(0, 100));
  const prefix = ustar ? untilNul(header.subarray(345, 500)) : Buffer.alloc(0);
  const longName = prefix.length === 0 ? shortName : Buffer.concat([prefix, Buffer.from('/'), shortName]);
  const name = nameOfBytes(pax.get('path') ?? longName);
  if (flag === 'S' || sparse) {
    throw new JettisonError('TAR_UNSUPPORTED', `"${name}" is a sparse file, which Jettison does not read`, {
      hint: 'Create the archive again without --sparse.',
    });
  }
  checkPath(pax.get('path') ?? longName);
  const type = typeOf(flag, name);
  if (type === undefined) {
    throw new JettisonError('TAR_UNSUPPORTED', `"${name}" has an unknown type (${JSON.stringify(flag)})`, {
      hint: 'Create the archive again with files, directories, links and devices only.',
    });
  }
  const linkName = pax.get('linkpath') ?? untilNul(header.subarray(157, 257));
  if (type === 'symlink') checkTarget(linkName, name);
  if (type === 'hardlink') checkPath(linkName);
  const time = readTime(pax.get('mtime')) ?? { mtime: readNumber(header, 136, 12) };
  const xattrs = readXattrs(pax);
  return {
    name,
    type,
    mode: readNumber(header, 100, 8) & 0o7777,
    uid: ownerId(paxNumber(pax, 'uid') ?? readNumber(header, 108, 8), name),
    gid: ownerId(paxNumber(pax, 'gid') ?? readNumber(header, 116, 8), name),
    size: type === 'file' ? (paxNumber(pax, 'size') ?? size) : 0,
    ...time,
    ...(type === 'symlink' || type === 'hardlink' ? { link: nameOfBytes(linkName) } : {}),
    ...(type === 'char' || type === 'block' ? { device: deviceNumbers(header, name) } : {}),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}

function typeOf(flag: string, name: string): TarHeader['type'] | undefined {
  switch (flag) {
    // In v7 tars a directory is a file whose name ends with a slash.
    case '\0':
      return name.endsWith('/') ? 'directory' : 'file';
    case '0':
    case '7':
      return 'file';
    case '1':
      return 'hardlink';
    case '2':
      return 'symlink';
    case '3':
      return 'char';
    case '4':
      return 'block';
    case '5':
      return 'directory';
    case '6':
      return 'fifo';
    default:
      return undefined;
  }
}

/** Checks the sum of all bytes, with blanks in the checksum field; some old programs summed signed bytes. */
function verifyChecksum(header: Buffer): void {
  let unsigned = 8 * 32;
  let signed = 8 * 32;
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = header[i]!;
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const sum = readNumber(header, 148, 8);
  if (sum !== unsigned && sum !== signed) throw invalid('a header has a wrong checksum');
}

/** Octal text, or GNU's big-endian binary when the first bit is set. */
function readNumber(header: Buffer, at: number, length: number): number {
  const first = header[at]!;
  if ((first & 0x80) !== 0) {
    const negative = (first & 0x40) !== 0;
    let value = BigInt(negative ? (first & 0x7f) - 0x80 : first & 0x7f);
    for (let i = at + 1; i < at + length; i++) value = value * 256n + BigInt(header[i]!);
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw invalid('a number is too large');
    return number;
  }
  const text = header
    .toString('latin1', at, at + length)
    .replace(/\0.*$/s, '')
    .trim();
  if (text === '') return 0;
  if (!/^[0-7]+$/.test(text)) throw invalid(`invalid octal number ${JSON.stringify(text)}`);
  return Number.parseInt(text, 8);
}

function readPax(data: Buffer, into: Map<string, Buffer>): void {
  let at = 0;
  while (at < data.length) {
    const blank = data.indexOf(' ', at);
    const digits = blank < 0 ? '' : data.toString('latin1', at, blank);
    const end = at + Number(digits);
    const equals = data.indexOf('=', blank);
    if (
      !/^[0-9]{1,8}$/.test(digits) ||
      end > data.length ||
      equals < 0 ||
      equals >= end ||
      data[end - 1] !== 10
    ) {
      throw invalid('a PAX record is malformed');
    }
    const key = nameOfBytes(data.subarray(blank + 1, equals));
    const value = data.subarray(equals + 1, end - 1);
    // An empty value removes that of a global header.
    if (value.length === 0 && !key.startsWith('SCHILY.xattr.')) into.delete(key);
    else into.set(key, Buffer.from(value));
    at = end;
  }
}

function paxNumber(pax: Map<string, Buffer>, key: string): number | undefined {
  const text = pax.get(key)?.toString('latin1');
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value)) throw invalid(`invalid number in ${key}`);
  return value;
}

/** Decimal seconds with an optional fraction, perhaps negative. */
function readTime(value: Buffer | undefined): { mtime: number; mtimeNs?: number } | undefined {
  if (value === undefined) return undefined;
  const match = /^(-?)([0-9]+)(?:\.([0-9]*))?$/.exec(value.toString('latin1'));
  if (match === null) throw invalid('invalid mtime');
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  let seconds = Number(match[2]);
  if (!Number.isSafeInteger(seconds)) throw invalid('a time is out of range');
  if (match[1] !== '-')
    return nanoseconds === 0 ? { mtime: seconds } : { mtime: seconds, mtimeNs: nanoseconds };
  seconds = seconds === 0 ? 0 : -seconds;
  return nanoseconds === 0 ? { mtime: seconds } : { mtime: seconds - 1, mtimeNs: 1e9 - nanoseconds };
}

function readXattrs(pax: Map<string, Buffer>): Record<string, string> | undefined {
  let xattrs: Record<string, string> | undefined;
  for (const [key, value] of pax) {
    if (!key.startsWith('SCHILY.xattr.')) continue;
    const name = key.slice('SCHILY.xattr.'.length).replaceAll('%3D', '=').replaceAll('%25', '%');
    // Dropped: with overlayfs' attributes an archive could redirect to any path.
    if (name === '' || /^(trusted|user)\.overlay\./.test(name)) continue;
    if (Buffer.byteLength(name) > MAX_XATTR_NAME || name.includes('\0') || value.length > MAX_XATTR) {
      throw unsupported('an extended attribute', shown(name), 'is longer than Linux allows');
    }
    xattrs ??= {};
    xattrs[name] = value.toString('base64');
  }
  return xattrs;
}

/** Refuses paths that Linux does not support, which would fail later as a system error. */
function checkPath(path: Buffer): void {
  if (path.includes(0)) throw invalid('a path contains a NUL byte');
  if (path.length >= MAX_PATH)
    throw unsupported('the path', shown(nameOfBytes(path)), 'is longer than Linux allows');
  let start = 0;
  for (let at = 0; at <= path.length; at++) {
    if (at < path.length && path[at] !== SLASH) continue;
    if (at - start > MAX_NAME) {
      throw unsupported('the path', shown(nameOfBytes(path)), `has a name of more than ${MAX_NAME} bytes`);
    }
    start = at + 1;
  }
}

function checkTarget(target: Buffer, name: string): void {
  if (target.length === 0) throw invalid(`the symlink ${shown(name)} has an empty target`);
  if (target.includes(0)) throw invalid(`the target of the symlink ${shown(name)} contains a NUL byte`);
  if (target.length >= MAX_PATH)
    throw unsupported('the target of', shown(name), 'is longer than Linux allows');
}

/** Ids have 32 bits. */
function ownerId(id: number, name: string): number {
  if (id >= 0 && id <= 0xffffffff) return id;
  throw unsupported('the owner of', shown(name), `is ${id}, which is not the id of a user or group`);
}

/** The kernel has 12 bits for major numbers, and 20 for minor ones. */
function deviceNumbers(header: Buffer, name: string): { major: number; minor: number } {
  const major = readNumber(header, 329, 8);
  const minor = readNumber(header, 337, 8);
  if (major >= 0 && major < 1 << 12 && minor >= 0 && minor < 1 << 20) return { major, minor };
  throw unsupported(
    'the device',
    shown(name),
    `has the numbers ${major}:${minor}, which Linux does not support`,
  );
}

/** A quoted name for a message, shortened if it is long. */
function shown(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}

function unsupported(what: string, name: string, problem: string): JettisonError {
  return new JettisonError('TAR_UNSUPPORTED', `${what} ${name} in the archive ${problem}`, {
    hint: 'Such a file cannot be unpacked: create the archive without it.',
  });
}

function untilNul(bytes: Buffer): Buffer {
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes : bytes.subarray(0, nul);
}

function invalid(what: string): JettisonError {
  return new JettisonError('TAR_INVALID', `invalid tar archive: ${what}`);
}
