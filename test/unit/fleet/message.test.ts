import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { solveRequest, statusResponse } from '../../../src/fleet/protocol/control.ts';
import { packet } from '../../../src/fleet/protocol/files.ts';
import {
  bytes,
  integer,
  list,
  map,
  message,
  nested,
  text,
  time,
} from '../../../src/fleet/protocol/message.ts';

const whole = message({
  name: text(1),
  data: bytes(2),
  size: integer(4),
  names: list(text(5)),
  attrs: map(6, text),
  child: nested(7, message({ id: text(1) })),
  at: time(8),
});

describe('protobuf messages', () => {
  test('are read as they were written', () => {
    const value = fc.record({
      name: fc.string({ unit: 'grapheme' }),
      data: fc.uint8Array(),
      size: fc.maxSafeInteger(),
      names: fc.array(fc.string()),
      attrs: fc.dictionary(fc.string(), fc.string()),
      child: fc.option(fc.record({ id: fc.string() }), { nil: undefined }),
      at: fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(value, (one) => {
        const read = whole.decode(whole.encode(one));
        expect({ ...read, attrs: { ...read.attrs }, data: [...read.data] }).toEqual({
          ...{ ...one, attrs: { ...one.attrs } },
          data: [...one.data],
        });
      }),
    );
  });

  test('fail, or are read, for any bytes, and never hang or set a prototype', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        for (const type of [whole, packet, statusResponse, solveRequest]) {
          let read: object | undefined;
          try {
            read = type.decode(input);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
          if (read !== undefined) expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
        }
      }),
    );
  });

  test('are read in time that grows with their length, up to a number of items', () => {
    const names = Array.from({ length: 9000 }, (_, i) => `${i}`);
    expect(whole.decode(whole.encode({ names })).names).toEqual(names);
    const attrs = Object.fromEntries(names.map((name) => [name, '']));
    expect({ ...whole.decode(whole.encode({ attrs })).attrs }).toEqual(attrs);
    expect(() => whole.decode(whole.encode({ names: [...names, ...names] }))).toThrow(RangeError);
  });

  test('are refused with a map of another wire type', () => {
    expect(() => whole.decode(Buffer.from([(6 << 3) | 0, 1]))).toThrow('field 6 has wire type 0');
  });

  test('skip unknown fields', () => {
    const newer = message({ name: text(1), extra: list(text(900)) });
    const older = message({ name: text(1) });
    expect(older.decode(newer.encode({ name: 'a', extra: ['b', 'c'] }))).toEqual({ name: 'a' });
  });

  test('have the bytes of the protocol', () => {
    expect(packet.encode({ type: 2, id: 3, data: Buffer.from('x') }).toString('hex')).toBe(
      '080218032201' + '78',
    );
    expect(whole.encode({ attrs: { a: 'b' } }).toString('hex')).toBe('32060a0161120162');
  });
});
