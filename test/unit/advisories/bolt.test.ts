import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BoltDatabase } from '../../../src/advisories/bolt.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import { tempDir } from '../../support/temp-dir.ts';

const DATA = new URL('../../data/bolt/', import.meta.url);
const LARGE = gunzipSync(readFileSync(new URL('large.db.gz', DATA)));
const PAGE = 4096;

function databaseOf(content: Buffer): string {
  const path = join(tempDir(), 'x.db');
  writeFileSync(path, content);
  return path;
}

/** Everything that can be asked of a database, with the memory that it took. */
function askAll(path: string): number {
  const database = new BoltDatabase(path);
  try {
    let found = 0;
    const root = [...database.root.entries()];
    for (const { key } of root.slice(0, 100)) {
      const bucket = database.root.bucket(key.toString());
      for (const { value } of bucket?.entries() ?? []) found += value?.length ?? 0;
      for (const name of ['key 00000', 'key 02500', 'key 04999', '19', 'zzz']) {
        found += bucket?.get(name)?.length ?? 0;
      }
    }
    return found;
  } finally {
    database.close();
  }
}

describe('a database that the real library made', () => {
  const database = new BoltDatabase(databaseOf(LARGE));

  test('every key of a large table is found, by itself and in order', () => {
    const many = database.root.bucket('many')!;
    const names = Array.from({ length: 5000 }, (_, i) => `key ${String(i).padStart(5, '0')}`);
    expect(names.map((name) => Number(many.get(name)))).toEqual(names.map((_, i) => i * i));
    expect([...many.entries()].map(({ key }) => key.toString())).toEqual(names);
    for (const absent of ['', 'a', 'key 0', 'key 05000', 'key 02500 ', 'z']) {
      expect(many.get(absent)).toBeUndefined();
    }
  });

  test('values of several pages are whole', () => {
    const wide = database.root.bucket('wide')!;
    for (let i = 0; i < 20; i++) expect(wide.get(String(i))).toEqual(Buffer.alloc(i * 3000, 'x'));
  });

  test('distinguishes tables from values, and reads an empty table', () => {
    expect(database.root.get('many')).toBeUndefined();
    expect(database.root.bucket('many')!.bucket('key 00001')).toBeUndefined();
    expect([...database.root.bucket('empty')!.entries()]).toEqual([]);
    expect(database.root.bucket('absent')).toBeUndefined();
  });
});

describe('a hostile database', () => {
  /** Where a page of branches begins, and one of leaves. */
  function pageWith(flags: number): number {
    for (let at = 2 * PAGE; at < LARGE.length; at += PAGE) {
      if (LARGE.readUInt16LE(at + 8) === flags && LARGE.readUInt16LE(at + 10) > 1) return at;
    }
    throw new Error('there is no such page');
  }
  const branch = pageWith(1);
  const leaf = pageWith(2);

  test.each<[what: string, change: (content: Buffer) => void]>([
    ['wrong checksums', (content) => content.fill(1, 16 + 56, 16 + 64).fill(1, PAGE + 72, PAGE + 80)],
    ['nothing but zeros', (content) => content.fill(0)],
    ['a huge count of elements', (content) => content.writeUInt16LE(0xffff, branch + 10)],
    ['a page that continues for ever', (content) => content.writeUInt32LE(0xffffffff, branch + 12)],
    ['a page that is another one', (content) => content.writeBigUInt64LE(3n, branch)],
    [
      'a page that leads to itself',
      (content) => content.writeBigUInt64LE(BigInt(branch / PAGE), branch + 16 + 8),
    ],
    ['a page behind the end', (content) => content.writeBigUInt64LE(1n << 60n, branch + 16 + 8)],
    ['a key outside of its page', (content) => content.writeUInt32LE(0xfffffff0, leaf + 16 + 8)],
    ['a value outside of its page', (content) => content.writeUInt32LE(0x7fffffff, leaf + 16 + 12)],
    ['a page of unknown kind', (content) => content.writeUInt16LE(7, leaf + 8)],
  ])('with %s is refused', (_, change) => {
    const content = Buffer.from(LARGE);
    change(content);
    const path = databaseOf(content);
    expect(() => askAll(path)).toThrow(expect.objectContaining({ code: 'DATABASE_INVALID' }));
  });

  test('with a page of more than half a megabyte is refused, though the file has it', () => {
    const content = Buffer.concat([LARGE, Buffer.alloc(2 << 20)]);
    content.writeUInt32LE((1 << 20) / PAGE, leaf + 12);
    const path = databaseOf(content);
    expect(() => askAll(path)).toThrow(/is too large/);
  });

  test.each([0, 1, 79, 80, PAGE, PAGE + 50, 2 * PAGE, LARGE.length / 2])(
    'cut off after %i bytes is refused',
    (size) => {
      const path = databaseOf(LARGE);
      truncateSync(path, size);
      expect(() => askAll(path)).toThrow(expect.objectContaining({ code: 'DATABASE_INVALID' }));
    },
  );

  test('damaged anywhere, it gives an answer or an error, in bounded time and memory', () => {
    const change = fc.tuple(fc.nat(LARGE.length - 8), fc.constantFrom(0, 1, 2, 4, 0x7f, 0xff), fc.nat(7));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 40 }), (changes) => {
        const content = Buffer.from(LARGE);
        for (const [at, byte, length] of changes) content.fill(byte, at, at + length + 1);
        const path = databaseOf(content);
        const before = process.memoryUsage().arrayBuffers;
        try {
          expect(askAll(path)).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(JettisonError);
        }
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 << 20);
      }),
      { numRuns: 60 },
    );
  });
});
