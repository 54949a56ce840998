import { statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { LogReader, LogWriter } from '../../../src/run/log.ts';
import { tempDir } from '../../support/temp-dir.ts';

let folder: string;
let serial = 0;
beforeAll(() => {
  folder = tempDir();
});

const newPath = () => join(folder, `log-${++serial}`);
const text = (reader: LogReader) => [...reader.read()].map(({ stream, data }) => `${stream}: ${data}`);

describe('a log', () => {
  it('gives back both streams, byte by byte, however they came', () => {
    const pieces = fc.array(
      fc.tuple(fc.constantFrom('stdout' as const, 'stderr' as const), fc.uint8Array({ maxLength: 50 })),
    );
    fc.assert(
      fc.property(pieces, (written) => {
        const path = newPath();
        const writer = new LogWriter(path);
        for (const [stream, data] of written) writer.write(stream, data);
        writer.close();
        const read = [...new LogReader(path).read()];
        for (const wanted of ['stdout', 'stderr'] as const) {
          const all = Buffer.concat(written.filter(([stream]) => stream === wanted).map(([, data]) => data));
          expect(
            Buffer.concat(read.filter(({ stream }) => stream === wanted).map(({ data }) => data)),
          ).toEqual(all);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is read while it grows, a line at a time', () => {
    const path = newPath();
    const reader = new LogReader(path);
    expect(text(reader)).toEqual([]);
    const writer = new LogWriter(path);
    writer.write('stdout', Buffer.from('a\nb'));
    expect(text(reader)).toEqual(['stdout: a\n']);
    writer.write('stderr', Buffer.from('e\n'));
    writer.write('stdout', Buffer.from('c\nd'));
    expect(text(reader)).toEqual(['stderr: e\n', 'stdout: bc\n']);
    writer.close();
    expect(text(reader)).toEqual(['stdout: d']);
    expect(text(reader)).toEqual([]);
  });

  it('drops its beginning when it becomes too large, under the eyes of a reader', () => {
    const path = newPath();
    const writer = new LogWriter(path);
    const reader = new LogReader(path);
    let read = 0;
    const line = Buffer.from(`${'x'.repeat(9999)}\n`);
    for (let i = 0; i < 3500; i++) {
      writer.write('stdout', line);
      if (i % 500 === 0) read += [...reader.read()].length;
    }
    writer.close();
    read += [...reader.read()].length;
    expect(read).toBe(3500);
    expect([...new LogReader(path).read()].length).toBeLessThan(2100);
    expect(statSync(path).size).toBeLessThan(11_000_000);
  });
});
