import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { age, oneLine, shortId, table } from '../../../src/cli/print/docker-units.ts';
import { size } from '../../../src/events/units.ts';
import { displayWidth } from '../../../src/events/width.ts';

describe('sizes', () => {
  it.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [1982328, '1.98MB'],
    [133_400_000, '133MB'],
    [999_999, '1MB'],
    [4_200_000, '4.2MB'],
    [1_234_567_890, '1.23GB'],
  ])('%d bytes', (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });
});

describe('ages', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const before = (seconds: number) => new Date(now - seconds * 1000).toISOString();
  it.each([
    [0, 'Less than a second ago'],
    [1, '1 second ago'],
    [59, '59 seconds ago'],
    [90, 'About a minute ago'],
    [120, '2 minutes ago'],
    [3600, 'About an hour ago'],
    [7200, '2 hours ago'],
    [3 * 86400, '3 days ago'],
    [21 * 86400, '3 weeks ago'],
    [100 * 86400, '3 months ago'],
    [800 * 86400, '2 years ago'],
    [-50, 'Less than a second ago'],
  ])('%d seconds', (seconds, text) => {
    expect(age(before(seconds), now)).toBe(text);
  });
  it('has nothing to say without a time', () => {
    expect(age(undefined)).toBe('N/A');
    expect(age('yesterday')).toBe('N/A');
  });
});

describe('tables', () => {
  it('pads columns and leaves no blanks at the ends of lines', () => {
    expect(
      table([
        ['A', 'LONGER'],
        ['wide cell', 'x'],
      ]),
    ).toBe('A           LONGER\nwide cell   x\n');
  });
  it('counts columns of the terminal, not characters', () => {
    expect(
      table([
        ['A', 'B'],
        ['日本', 'x'],
        ['abcd', 'y'],
      ]),
    ).toBe('A      B\n日本   x\nabcd   y\n');
  });
  it('lets nothing through that moves a cursor', () => {
    expect(table([['A'], ['a\u001b[2Jb\nc']])).toBe('A\nab c\n');
    expect(oneLine('  a \t b\r\n')).toBe('a b');
  });
  it('fits a terminal by shortening the columns that may be', () => {
    const rows = [
      ['ID', 'TEXT', 'OTHER'],
      ['123456789012', 'x'.repeat(60), 'y'.repeat(30)],
    ];
    const lines = table(rows, { columns: 50, shrink: [1, 2] }).split('\n');
    expect(lines[1]).toHaveLength(50);
    expect(lines[1]).toMatch(/^123456789012 {3}x+… {3}y+…$/);
  });
  it('never gets wider than the terminal as long as there is something to shorten', () => {
    const cell = fc.string({ maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell), { minLength: 1 }),
        fc.integer({ min: 19, max: 200 }),
        (rows, columns) => {
          for (const line of table([['A', 'B'], ...rows], { columns, shrink: [0, 1] })
            .trimEnd()
            .split('\n')) {
            expect(displayWidth(line)).toBeLessThanOrEqual(columns);
          }
        },
      ),
    );
  });
});

it('shortens ids as docker does', () => {
  expect(shortId(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('0123456789ab');
});
