import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lookAtRecord, parseRecord, readRecord, recordText } from '../../../src/store/record-file.ts';
import { tempDir } from '../../support/temp-dir.ts';

const record = fc.dictionary(
  fc.string().filter((name) => name !== 'checksum' && name !== '__proto__'),
  fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
);

describe('a record', () => {
  test('is JSON, and read as it was written', () => {
    fc.assert(
      fc.property(record, (value) => {
        const text = recordText(value);
        expect(parseRecord(Buffer.from(text))).toEqual(value);
        expect(JSON.parse(text)).toMatchObject(value);
      }),
    );
  });

  test('is ignored when a bit is changed or a part is lost', () => {
    fc.assert(
      fc.property(
        record,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(7),
        (value, place, bit) => {
          const bytes = Buffer.from(recordText(value));
          const at = Math.floor(place * bytes.length);
          const flipped = Buffer.from(bytes);
          flipped[at]! ^= 1 << bit;
          const zeroed = Buffer.from(bytes);
          zeroed.fill(0, at);
          for (const options of [undefined, { unsealed: true }]) {
            expect(parseRecord(flipped, options)).toBeUndefined();
            expect(parseRecord(bytes.subarray(0, at), options)).toBeUndefined();
            expect(parseRecord(zeroed, options)).toBeUndefined();
          }
        },
      ),
    );
  });

  test('of an earlier version is taken where nothing else would know', () => {
    const text = Buffer.from('{"name":"app","updated":"2026-01-01T00:00:00.000Z"}');
    expect(parseRecord(text)).toBeUndefined();
    expect(parseRecord(text, { unsealed: true })).toMatchObject({ name: 'app' });
  });

  test('that is missing is not the same as a damaged one', () => {
    const folder = tempDir();
    const path = join(folder, 'record.json');
    expect(lookAtRecord(path)).toBe('missing');
    writeFileSync(path, '');
    expect(lookAtRecord(path)).toBe('damaged');
    expect(readRecord(path)).toBeUndefined();
    writeFileSync(path, recordText({ a: 1 }));
    expect(readRecord(path)).toEqual({ a: 1 });
  });
});
