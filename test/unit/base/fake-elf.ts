/** What to put into a made ELF file. */
export interface FakeElf {
  bits?: 32 | 64;
  little?: boolean;
  machine?: number;
  interpreter?: string;
  soname?: string;
  needed?: string[];
  rpath?: string;
  runpath?: string;
}

const LOAD_ADDRESS = 0x400000;

/** The smallest ELF file with these headers; it cannot run. */
export function fakeElf(content: FakeElf = {}): Buffer {
  const wide = (content.bits ?? 64) === 64;
  const little = content.little ?? true;
  const width = wide ? 8 : 4;

  let strings = '\0';
  const string = (text: string) => {
    const at = strings.length;
    strings += `${text}\0`;
    return at;
  };
  const tags: [number, number][] = (content.needed ?? []).map((name) => [1, string(name)]);
  if (content.soname !== undefined) tags.push([14, string(content.soname)]);
  if (content.rpath !== undefined) tags.push([15, string(content.rpath)]);
  if (content.runpath !== undefined) tags.push([29, string(content.runpath)]);

  const headerSize = wide ? 64 : 52;
  const segmentSize = wide ? 56 : 32;
  const interpreter = Buffer.from(content.interpreter === undefined ? '' : `${content.interpreter}\0`);
  const count = interpreter.length > 0 ? 3 : 2;
  const interpreterAt = headerSize + count * segmentSize;
  const dynamicAt = interpreterAt + interpreter.length;
  const dynamicSize = (tags.length + 3) * 2 * width;
  const stringsAt = dynamicAt + dynamicSize;
  const total = stringsAt + strings.length;
  tags.push([5, LOAD_ADDRESS + stringsAt], [10, strings.length], [0, 0]);

  const file = Buffer.alloc(total);
  const view = new DataView(file.buffer, file.byteOffset, total);
  const word = (at: number, value: number) =>
    wide ? view.setBigUint64(at, BigInt(value), little) : view.setUint32(at, value, little);
  file.write('\x7fELF', 'latin1');
  file[4] = wide ? 2 : 1;
  file[5] = little ? 1 : 2;
  view.setUint16(16, 3, little);
  view.setUint16(18, content.machine ?? 62, little);
  word(wide ? 32 : 28, headerSize);
  view.setUint16(wide ? 54 : 42, segmentSize, little);
  view.setUint16(wide ? 56 : 44, count, little);

  const segment = (number: number, type: number, offset: number, size: number) => {
    const at = headerSize + number * segmentSize;
    view.setUint32(at, type, little);
    word(at + (wide ? 8 : 4), offset);
    word(at + (wide ? 16 : 8), LOAD_ADDRESS + offset);
    word(at + (wide ? 32 : 16), size);
  };
  segment(0, 1, 0, total);
  segment(1, 2, dynamicAt, dynamicSize);
  if (count === 3) segment(2, 3, interpreterAt, interpreter.length);
  interpreter.copy(file, interpreterAt);
  tags.forEach(([tag, value], i) => {
    word(dynamicAt + i * 2 * width, tag);
    word(dynamicAt + (i * 2 + 1) * width, value);
  });
  file.write(strings, stringsAt, 'latin1');
  return file;
}
