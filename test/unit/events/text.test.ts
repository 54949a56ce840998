import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { glyphsFor } from '../../../src/events/glyphs.ts';
import { KEPT_LINES, LastLines } from '../../../src/events/last-lines.ts';
import { LineSplitter, MAX_LINE } from '../../../src/events/line-splitter.ts';
import { plural, seconds, size } from '../../../src/events/units.ts';
import { displayWidth, printable, truncate } from '../../../src/events/width.ts';

describe('LineSplitter', () => {
  const split = (...chunks: string[]) => {
    const splitter = new LineSplitter();
    return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.flush()];
  };

  test.each([
    [['a\nb\n'], ['a', 'b']],
    [
      ['a', 'b\nc'],
      ['ab', 'c'],
    ],
    [['a\r\nb\r\n'], ['a', 'b']],
    [
      ['a\r', '\nb'],
      ['a', 'b'],
    ],
    [['10%\r50%\r100%\n'], ['100%']],
    [['10%\r', '50%\r'], ['50%']],
    [['\n\n'], ['', '']],
    [[''], []],
  ])('%j', (chunks, lines) => {
    expect(split(...chunks)).toEqual(lines);
  });

  test('a line without end comes in pieces and never fills the memory', () => {
    const splitter = new LineSplitter();
    let seen = 0;
    for (let i = 0; i < 1000; i++) {
      for (const line of splitter.push('x'.repeat(1000))) {
        expect(line.length).toBeLessThanOrEqual(MAX_LINE);
        seen += line.length;
      }
      expect(i * 1000 + 1000 - seen).toBeLessThanOrEqual(MAX_LINE);
    }
  });

  test('pieces do not break a character apart', () => {
    const lines = split(`x${'🎉'.repeat(MAX_LINE)}`);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(line).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
  });

  test('how the text is cut into chunks makes no difference', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r', '🎉') });
    fc.assert(
      fc.property(fc.array(text), (chunks) => {
        expect(split(...chunks)).toEqual(split(chunks.join('')));
      }),
    );
  });
});

describe('LastLines', () => {
  test('keeps the last lines only, and counts all', () => {
    const output = new LastLines();
    for (let i = 1; i <= 1000; i++) output.push('stdout', `${i}\n`);
    expect(output.last()).toHaveLength(KEPT_LINES);
    expect(output.last(2)).toEqual(['999', '1000']);
    expect(output.last(0)).toEqual([]);
    expect(output.count).toBe(1000);
  });

  test('one chunk of many lines', () => {
    const output = new LastLines();
    output.push('stdout', 'x\n'.repeat(100_000));
    expect(output.last()).toHaveLength(KEPT_LINES);
  });

  test('does not mix the unfinished lines of its two streams', () => {
    const output = new LastLines();
    output.push('stdout', 'out');
    output.push('stderr', 'err');
    expect(output.push('stdout', 'put\n')).toEqual(['output']);
    expect(output.flush()).toEqual(['err']);
  });
});

describe('width', () => {
  test.each([
    ['abc', 3],
    ['', 0],
    ['é', 1],
    ['e\u0301', 1],
    ['日本', 4],
    ['🎉', 2],
    ['→✓…', 3],
    ['a\u200bb', 2],
  ])('%s takes %d columns', (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });

  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['abc', 1, '…'],
    ['abc', 0, ''],
  ])('%s in %d columns is %s', (text, columns, expected) => {
    expect(truncate(text, columns)).toBe(expected);
  });

  test('truncated text fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 30 }), (text, columns) => {
        expect(displayWidth(truncate(text, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  test('printable text moves no cursor', () => {
    expect(printable('\x1b[31mred\x1b[0m\tx\x07\x1b[2J\x1b]0;title\x07!')).toBe('red    x!');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      }),
    );
  });
});

test.each([
  [0, '0.0s'],
  [449, '0.4s'],
  [12_345, '12.3s'],
  [59_940, '59.9s'],
  [59_960, '1m00s'],
  [125_000, '2m05s'],
  [3_725_000, '1h02m'],
  [-5, '0.0s'],
])('%d ms are %s', (ms, text) => {
  expect(seconds(ms)).toBe(text);
});

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [4_260_000, '4.26MB'],
  [133_400_000, '133MB'],
  [999_600, '1MB'],
  [1e15, '1PB'],
])('%d bytes are %s', (count, text) => {
  expect(size(count)).toBe(text);
});

test('plural', () => {
  expect(plural(1, 'layer')).toBe('1 layer');
  expect(plural(0, 'layer')).toBe('0 layers');
});

test.each([
  [{}, '✓'],
  [{ LANG: 'de_DE.UTF-8' }, '✓'],
  [{ LANG: 'C' }, '+'],
  [{ LANG: 'C', LC_ALL: 'C.utf8' }, '✓'],
  [{ TERM: 'linux', LANG: 'en_US.UTF-8' }, '+'],
])('signs for %j: %s', (env, done) => {
  expect(glyphsFor(env).done).toBe(done);
});

test('printable text changes neither the direction of a text nor a terminal', () => {
  expect(printable('a\u202eb\u2066c\u200fd\u2028e')).toBe('abcde');
});
