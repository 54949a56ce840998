import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/**
 * A field of a protobuf message: its number, and how its value is read and written.
 * The specification: https://protobuf.dev/programming-guides/encoding/
 */
export interface Field<T> {
  number: number;
  initial(): T;
  /** Reads one occurrence; `before` is the value so far, which may be changed. */
  read(reader: BinaryReader, wire: WireType, before: T): T;
  write(writer: BinaryWriter, value: T): void;
}

/** Occurrences of fields that a message may have: a small one with many empty items would fill the memory. */
const MOST_FIELDS = 10_000;

// biome-ignore lint/suspicious/noExplicitAny: a table of fields of any types
type Fields = Record<string, Field<any>>;
type ValueOf<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A protobuf message: unknown fields are skipped, absent ones have their initial values. */
export interface Message<T> {
  encode(value: Partial<T>): Buffer;
  /** @throws RangeError, Error for bytes that are not such a message */
  decode(bytes: Uint8Array): T;
}

/** The type of a message's values. */
export type Decoded<M> = M extends Message<infer T> ? T : never;

/** Defines a message, as in `message({ digest: text(1), size: integer(2) })`. */
export function message<F extends Fields>(fields: F): Message<ValueOf<F>> {
  const names = new Map(Object.entries(fields).map(([name, { number }]) => [number, name]));
  return {
    encode(value) {
      const writer = new BinaryWriter();
      for (const [name, field] of Object.entries(fields)) {
        const given = value[name];
        if (given !== undefined && given !== field.initial()) field.write(writer, given);
      }
      return Buffer.from(writer.finish());
    },
    decode(bytes) {
      const reader = new BinaryReader(bytes);
      const value = Object.fromEntries(
        Object.entries(fields).map(([name, field]) => [name, field.initial()]),
      );
      for (let read = 0; reader.pos < reader.len; read++) {
        if (read === MOST_FIELDS) throw new RangeError(`a message has more than ${MOST_FIELDS} fields`);
        const [number, wire] = reader.tag();
        const name = names.get(number);
        if (name === undefined) reader.skip(wire, number);
        else value[name] = fields[name]!.read(reader, wire, value[name]);
      }
      return value as ValueOf<F>;
    },
  };
}

function scalar<T>(
  number: number,
  initial: T,
  wire: WireType,
  read: (reader: BinaryReader) => T,
  write: (writer: BinaryWriter, value: T) => BinaryWriter,
): Field<T> {
  return {
    number,
    initial: () => initial,
    read(reader, found) {
      checkWire(number, found, wire);
      return read(reader);
    },
    write: (writer, value) => void write(writer.tag(number, wire), value),
  };
}

function checkWire(number: number, found: WireType, expected: WireType): void {
  if (found !== expected) throw new RangeError(`field ${number} has wire type ${found}`);
}

export const text = (number: number): Field<string> =>
  scalar(
    number,
    '',
    WireType.LengthDelimited,
    (reader) => reader.string(),
    (writer, value) => writer.string(value),
  );

const NO_BYTES = new Uint8Array();

export const bytes = (number: number): Field<Uint8Array> =>
  scalar<Uint8Array>(
    number,
    NO_BYTES,
    WireType.LengthDelimited,
    (reader) => reader.bytes(),
    (writer, value) => writer.bytes(value),
  );

/** An int64, int32 or uint32 that is exact as a number. */
export const integer = (number: number): Field<number> =>
  scalar(
    number,
    0,
    WireType.Varint,
    (reader) => Number(reader.int64()),
    (writer, value) => writer.int64(BigInt(value)),
  );

/** An int64, such as a time in nanoseconds. */
export const longInteger = (number: number): Field<bigint> =>
  scalar(
    number,
    0n,
    WireType.Varint,
    (reader) => BigInt(reader.int64()),
    (writer, value) => writer.int64(value),
  );

/** A message in a message. */
export const nested = <T>(number: number, type: Message<T>): Field<T | undefined> =>
  scalar<T | undefined>(
    number,
    undefined,
    WireType.LengthDelimited,
    (reader) => type.decode(reader.bytes()),
    (writer, value) => writer.bytes(type.encode(value as Partial<T>)),
  );

/** A repeated field of texts, bytes or messages. */
export function list<T>(item: Field<T>): Field<Exclude<T, undefined>[]> {
  return {
    number: item.number,
    initial: () => [],
    read(reader, wire, before) {
      before.push(item.read(reader, wire, item.initial()) as Exclude<T, undefined>);
      return before;
    },
    write(writer, values) {
      for (const value of values) item.write(writer, value);
    },
  };
}

/** A map from texts. It is an object without a prototype, as its names are another machine's. */
export function map<T>(number: number, value: (number: number) => Field<T>): Field<Record<string, T>> {
  const key = text(1);
  const entry = message({ key, value: value(2) });
  return {
    number,
    initial: () => Object.create(null) as Record<string, T>,
    read(reader, wire, before) {
      checkWire(number, wire, WireType.LengthDelimited);
      const read = entry.decode(reader.bytes()) as { key: string; value: T };
      before[read.key] = read.value;
      return before;
    },
    write(writer, entries) {
      for (const [name, one] of Object.entries(entries)) {
        writer
          .tag(number, WireType.LengthDelimited)
          .bytes(entry.encode({ key: name, value: one } as Partial<Decoded<typeof entry>>));
      }
    },
  };
}

const timestamp = message({ seconds: integer(1), nanos: integer(2) });

/** A google.protobuf.Timestamp, in milliseconds since 1970. */
export const time = (number: number): Field<number | undefined> =>
  scalar<number | undefined>(
    number,
    undefined,
    WireType.LengthDelimited,
    (reader) => {
      const { seconds, nanos } = timestamp.decode(reader.bytes());
      return seconds * 1000 + nanos / 1e6;
    },
    (writer, ms) => {
      const seconds = Math.floor((ms ?? 0) / 1000);
      const nanos = Math.round(((ms ?? 0) - seconds * 1000) * 1e6);
      return writer.bytes(timestamp.encode({ seconds, nanos }));
    },
  );
