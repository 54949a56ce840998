import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { ArchiveTree } from '../../../src/layer/archive-tree.ts';
import { comparePaths, type RecipeEntry } from '../../../src/layer/entry.ts';
import { bytesOfName, nameOfBytes } from '../../../src/layer/names.ts';
import { type TarHeader, TarReader } from '../../../src/layer/tar-read.ts';
import { TAR_END, tarHeader, tarPadding } from '../../../src/layer/tar-write.ts';
import { OPAQUE_MARKER, readMarker, whiteoutName } from '../../../src/layer/whiteouts.ts';

interface Member {
  header: TarHeader;
  content: Buffer;
}

function readAll(tar: Buffer, step = tar.length): Member[] {
  const members: Member[] = [];
  let parts: Buffer[] = [];
  const reader = new TarReader({
    entry: (header) => {
      members.push({ header, content: Buffer.alloc(0) });
      parts = [];
    },
    data: (chunk) => parts.push(Buffer.from(chunk)),
    end: () => {
      members.at(-1)!.content = Buffer.concat(parts);
    },
  });
  for (let at = 0; at < tar.length; at += step) reader.write(tar.subarray(at, at + step));
  reader.end();
  return members;
}

const plain = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 } as const;

// No component is longer than the 255 bytes that Linux has.
const longName = fc.tuple(
  fc.constantFrom('x', 'é', 'dir/', 'ab/', 'long-directory/'),
  fc.integer({ min: 1, max: 120 }),
  fc.constantFrom('end', 'ä', '\udcff', 'with space', 'new\nline'),
);
const anyPath = longName.map(([part, times, end]) =>
  `${part.repeat(times)}/${end}`.split('/').filter(Boolean).join('/'),
);
const number = fc.oneof(fc.integer({ min: 0, max: 2 ** 21 - 1 }), fc.integer({ min: 0, max: 2 ** 32 - 2 }));
const time = fc.oneof(fc.integer(), fc.constantFrom(2 ** 33, 2 ** 33 - 1, 2 ** 40));
const xattrs = fc.dictionary(
  fc.constantFrom('user.a', 'security.capability', 'user.x=y', 'user.50%', 'user.%3D'),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64')),
);
const metadata = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: number,
  gid: number,
  mtime: time,
});

const anyEntry: fc.Arbitrary<{ entry: RecipeEntry; content: Buffer }> = fc
  .record({
    path: anyPath,
    link: anyPath,
    metadata,
    xattrs,
    content: fc.uint8Array({ maxLength: 1500 }),
    device: fc.record({
      major: fc.integer({ min: 0, max: 4095 }),
      minor: fc.integer({ min: 0, max: 1048575 }),
    }),
    type: fc.constantFrom('file', 'directory', 'symlink', 'hardlink', 'char', 'block', 'fifo' as const),
  })
  .map(({ path, link, metadata, xattrs, content, device, type }) => {
    const entry: RecipeEntry = { path, type, ...metadata, size: type === 'file' ? content.length : 0 };
    if (type === 'symlink' || type === 'hardlink') entry.link = link;
    if (type === 'char' || type === 'block') entry.device = device;
    if (Object.keys(xattrs).length > 0) entry.xattrs = xattrs;
    return { entry, content: Buffer.from(type === 'file' ? content : []) };
  });

function tarOf(list: { entry: RecipeEntry; content: Buffer }[]): Buffer {
  const parts = list.flatMap(({ entry, content }) => [
    tarHeader(entry),
    content,
    Buffer.alloc(tarPadding(content.length)),
  ]);
  return Buffer.concat([...parts, TAR_END]);
}

describe('tar', () => {
  it('reads back written headers, for any chunking', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 5 }), fc.integer({ min: 1, max: 2000 }), (list, step) => {
        const tar = tarOf(list);
        expect(tar.length % 512).toBe(0);
        const expected = list.map(({ entry: { path, ...facts }, content }) => ({
          header: { ...facts, name: facts.type === 'directory' ? `${path}/` : path },
          content,
        }));
        expect(readAll(tar, step)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('needs no more than one block for ordinary entries', () => {
    const split = `${'d'.repeat(99)}/${'e'.repeat(50)}/${'f'.repeat(90)}`;
    expect(tarHeader({ path: split, type: 'file', ...plain }).length).toBe(512);
    expect(readAll(Buffer.concat([tarHeader({ path: split, type: 'file', ...plain })]))[0]!.header.name).toBe(
      split,
    );
    expect(tarHeader({ path: 'ä', type: 'file', ...plain }).length).toBe(3 * 512);
  });

  it('writes later times than the clamp as the clamp', () => {
    const times = [5, 10, 15].map((mtime) => {
      const header = tarHeader({ path: 'a', type: 'file', ...plain, mtime }, 10);
      return readAll(header)[0]!.header.mtime;
    });
    expect(times).toEqual([5, 10, 10]);
  });

  it('writes deletions as the image specification says', () => {
    const tar = Buffer.concat([
      tarHeader({ path: 'a/gone', type: 'whiteout', ...plain, mode: 0 }),
      tarHeader({ path: 'b', type: 'directory', ...plain, mode: 0o755, opaque: true }),
      tarHeader({ path: '', type: 'directory', ...plain, mode: 0o755, opaque: true }),
    ]);
    expect(readAll(tar).map((member) => member.header.name)).toEqual([
      'a/.wh.gone',
      'b/',
      `b/${OPAQUE_MARKER}`,
      './',
      OPAQUE_MARKER,
    ]);
  });

  it("reads GNU tar's extensions", () => {
    const long = `${'n'.repeat(150)}/${'m'.repeat(150)}`;
    const gnuLong = (flag: string, text: string) => {
      const header = tarHeader({ path: 'x', type: 'file', ...plain, size: text.length + 1 });
      header.write('././@LongLink', 0);
      header.write(flag, 156);
      checksum(header);
      const data = Buffer.alloc(Math.ceil((text.length + 1) / 512) * 512);
      data.write(text);
      return Buffer.concat([header, data]);
    };
    const header = tarHeader({ path: 'short', type: 'symlink', ...plain, link: 'short' });
    // Base-256 numbers: a negative time, and an id above 7 octal digits.
    Buffer.from('ffffffffffffffffffffff9c', 'hex').copy(header, 136);
    Buffer.from('80000000ffffffff', 'hex').copy(header, 108);
    header.write('ustar  \0', 257, 'latin1');
    header.write('nonsense that is no prefix', 345);
    checksum(header);
    const [member] = readAll(Buffer.concat([gnuLong('K', `to/${long}`), gnuLong('L', long), header]));
    expect(member!.header).toMatchObject({ name: long, link: `to/${long}`, mtime: -100, uid: 2 ** 32 - 1 });
  });

  it('reads fractions of seconds and global headers', () => {
    const pax = (flag: string, text: string) => {
      const header = tarHeader({ path: 'x', type: 'file', ...plain, size: text.length });
      header.write(flag, 156);
      checksum(header);
      return Buffer.concat([header, Buffer.from(text), Buffer.alloc(tarPadding(text.length))]);
    };
    const file = tarHeader({ path: 'f', type: 'file', ...plain, mtime: 3 });
    const times = [
      [pax('x', '17 mtime=12.0625\n')],
      [pax('x', '17 mtime=-1.2500\n')],
      [pax('g', '11 mtime=9\n')],
      [],
    ].flatMap((before) => [...before, file]);
    expect(readAll(Buffer.concat(times)).map(({ header }) => [header.mtime, header.mtimeNs])).toEqual([
      [12, 62_500_000],
      [-2, 750_000_000],
      [9, undefined],
      [9, undefined],
    ]);
  });

  it('never takes over the attributes by which overlayfs is steered', () => {
    const xattrs = {
      'trusted.overlay.redirect': 'L2V0Yw==',
      'user.overlay.opaque': 'eQ==',
      'user.ok': 'eQ==',
    };
    const tar = tarHeader({ path: 'a', type: 'directory', ...plain, xattrs });
    expect(readAll(tar)[0]!.header.xattrs).toEqual({ 'user.ok': 'eQ==' });
  });

  it('rejects damaged, truncated, sparse and unknown members', () => {
    const good = tarOf([
      { entry: { path: 'a', type: 'file', ...plain, size: 3 }, content: Buffer.from('abc') },
    ]);
    const changed = (change: (header: Buffer) => void) => {
      const tar = Buffer.from(good);
      change(tar);
      return () => readAll(tar);
    };
    expect(changed((tar) => tar.write('b', 0))).toThrow(/wrong checksum/);
    expect(changed((tar) => checksum(tar, 'S'))).toThrow(/sparse/);
    expect(changed((tar) => checksum(tar, 'Q'))).toThrow(/has an unknown type/);
    expect(() => readAll(good.subarray(0, 300))).toThrow(/in the middle/);
    expect(() => readAll(good.subarray(0, 514))).toThrow(/in the middle/);
    expect(() => readAll(Buffer.from('not a tar at all '.repeat(40)))).toThrow(/invalid tar archive/);
    expect(readAll(Buffer.alloc(0))).toEqual([]);
    expect(readAll(good.subarray(0, 1024))).toHaveLength(1);
  });
});

describe('damaged tars', () => {
  it('are refused with a clear error or read, but never break the reader', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.array(anyEntry, { minLength: 1, maxLength: 3 }),
        damage,
        fc.nat(),
        (list, places, end) => {
          const tar = tarOf(list);
          for (const [at, byte] of places) {
            tar[at % tar.length] = byte;
            // Half of the time the checksum is right, so that the damage is not found at once.
            const header = tar.subarray((at % tar.length) - ((at % tar.length) % 512));
            if (at % 2 === 0) checksum(header.subarray(0, 512));
          }
          const tree = new ArchiveTree({ whiteouts: true });
          const reader = new TarReader({
            entry: (header) => tree.add(header),
            data: () => {},
            end: () => {},
          });
          try {
            reader.write(tar.subarray(0, tar.length - (end % 600)));
            reader.end();
            expect([...tree.entries()].every((entry) => !entry.path.split('/').includes('..'))).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(JettisonError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('whiteouts', () => {
  it('are told from their names', () => {
    expect(whiteoutName('a/b')).toBe('a/.wh.b');
    expect(whiteoutName('b')).toBe('.wh.b');
    expect(readMarker('.wh.b')).toEqual({ kind: 'whiteout', name: 'b' });
    expect(readMarker('.wh..wh..opq')).toEqual({ kind: 'opaque' });
    expect(readMarker('.wh..wh.plnk')).toEqual({ kind: 'ignored' });
    expect(readMarker('.wh...')).toEqual({ kind: 'ignored' });
    expect(readMarker('wh.b')).toBeUndefined();
  });
});

describe('names', () => {
  it('survive as strings, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        expect(bytesOfName(nameOfBytes(Buffer.from(bytes))).equals(bytes)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(nameOfBytes(Buffer.from(text))).toBe(Buffer.from(text).toString());
      }),
    );
  });

  it('are ordered like their bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        fc.pre(!`${a}${b}`.includes('/'));
        expect(Math.sign(comparePaths(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});

/** Sets the right checksum again, after a change of the type flag if one is given. */
function checksum(header: Buffer, flag?: string): void {
  if (flag !== undefined) header.write(flag, 156);
  header.fill(' ', 148, 156);
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += header[i]!;
  header.write(`${sum.toString(8).padStart(6, '0')}\0`, 148, 'latin1');
}
