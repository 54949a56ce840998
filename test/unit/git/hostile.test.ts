import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { applyDelta } from '../../../src/git/delta.ts';
import { parseTree } from '../../../src/git/object.ts';
import { GitObjects } from '../../../src/git/objects.ts';
import type { RepositoryFiles } from '../../../src/git/repository-files.ts';

/** Files in memory. */
function filesOf(files: Record<string, Buffer>): RepositoryFiles {
  return {
    read: (path) => files[path],
    open(path) {
      const bytes = files[path];
      return bytes && { size: bytes.length, read: (at, length) => bytes.subarray(at, at + length) };
    },
    names: (path) =>
      Object.keys(files).flatMap((name) => (name.startsWith(`${path}/`) ? name.slice(path.length + 1) : [])),
    isDirectory: () => false,
  };
}

const sha1 = (text: string | Buffer) => createHash('sha1').update(text).digest('hex');
const pathOf = (id: string) => `/objects/${id.slice(0, 2)}/${id.slice(2)}`;

describe('hostile objects', () => {
  const loose = (id: string, content: string | Buffer) =>
    new GitObjects(filesOf({ [pathOf(id)]: deflateSync(content) }), ['/objects'], 'sha1');

  test('a name stands for its content only', () => {
    const content = 'blob 3\0abc';
    expect(loose(sha1(content), content).blob(sha1(content)).toString()).toBe('abc');
    const other = sha1('blob 3\0xyz');
    expect(() => loose(other, content).blob(other)).toThrow(/another digest than its name/);
    expect(() => loose(sha1(content), content).tree(sha1(content))).toThrow(/is a blob/);
  });

  test('sizes that are not true, and headers that are none', () => {
    for (const content of [
      'blob 4\0abc',
      'blob 2\0abc',
      'blob 99999999999\0abc',
      'thing 3\0abc',
      'blob',
      '',
    ]) {
      const id = sha1(content);
      expect(() => loose(id, content).blob(id)).toThrow(JettisonError);
    }
  });

  test.each(['..', '.', '', '.git', '.GIT', 'a/b'])('a tree with the name "%s"', (name) => {
    const line = Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.alloc(20, 1)]);
    expect(() => parseTree('t', line, 'sha1')).toThrow(/has an entry called/);
  });

  test('trees and deltas of any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 50 }), (bytes, base) => {
        for (const read of [
          () => parseTree('t', Buffer.from(bytes), 'sha1'),
          () => applyDelta(Buffer.from(base), Buffer.from(bytes), 1000),
        ]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(JettisonError);
          }
        }
      }),
    );
  });

  test('deltas whose bases are each other', () => {
    const ids = ['11'.repeat(20), '22'.repeat(20)].map((id) => Buffer.from(id, 'hex'));
    const delta = deflateSync(Buffer.from([0, 0]));
    // Two objects of the type 7, each named as the other's base.
    const parts = ids.map((_, i) => Buffer.concat([Buffer.from([0x72]), ids[1 - i]!, delta]));
    const pack = Buffer.concat([Buffer.from('PACK\0\0\0\x02\0\0\0\x02'), ...parts]);
    const offsets = [12, 12 + parts[0]!.length];
    const head = Buffer.alloc(8 + 1024);
    head.writeUInt32BE(0xff744f63, 0);
    head.writeUInt32BE(2, 4);
    for (let byte = 0; byte < 256; byte++) {
      head.writeUInt32BE(byte < 0x11 ? 0 : byte < 0x22 ? 1 : 2, 8 + byte * 4);
    }
    const table = Buffer.alloc(16);
    for (const [i, offset] of offsets.entries()) table.writeUInt32BE(offset, 8 + i * 4);
    const index = Buffer.concat([head, ...ids, table]);
    const files = filesOf({ '/objects/pack/p.pack': pack, '/objects/pack/p.idx': index });
    const objects = new GitObjects(files, ['/objects'], 'sha1');
    expect(() => objects.blob('11'.repeat(20))).toThrow(/no end/);
  });
});
