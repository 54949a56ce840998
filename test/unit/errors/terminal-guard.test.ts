import fc from 'fast-check';
import { expect, test } from 'vitest';
import { style } from '../../../src/errors/style.ts';
import { guarded, unguarded } from '../../../src/errors/terminal-guard.ts';
import { Screen } from '../../support/fake-io.ts';

const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const SIZE = { columns: 80, rows: 24 };
const PARTS = [
  '\x1b[',
  '\x1b',
  '\x9b',
  '31m',
  '1;31m',
  '2J',
  '[31m',
  '\x1b[31m',
  '\x07',
  '\r',
  '\u202e',
  'a',
  '\n',
  '\t',
];

test('no text controls a terminal, however it comes in pieces', () => {
  const piece = fc.array(fc.constantFrom(...PARTS)).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary' }))), fc.boolean(), (pieces, color) => {
      const screen = new Screen(SIZE);
      const guard = guarded(screen, color);
      for (const text of pieces) guard.write(text);
      const text = color ? screen.text.replace(/\x1b\[\d{1,2}m/g, '') : screen.text;
      expect(text).not.toMatch(CONTROLS);
    }),
  );
});

test('colours of our own are shown, where colour is wanted', () => {
  const painted = Object.values(style(true)).map((paint) => paint('text'));
  for (const [color, expected] of [
    [true, painted.join('')],
    [false, painted.join('').replaceAll('\x1b', '\\x1b')],
  ] as const) {
    const screen = new Screen(SIZE);
    guarded(screen, color).write(painted.join(''));
    expect(screen.text).toBe(expected);
  }
});

test('passes bytes, and everything that does not go to a terminal', () => {
  const screen = new Screen(SIZE);
  guarded(screen, true).write(Buffer.from('\x1b[2J'));
  expect(screen.text).toBe('\x1b[2J');
  const pipe = new Screen();
  expect(guarded(pipe, false)).toBe(pipe);
});

test('the guard is otherwise the stream', async () => {
  const screen = new Screen(SIZE);
  const guard = guarded(screen, false);
  expect(unguarded(guard)).toBe(screen);
  expect(unguarded(screen)).toBe(screen);
  expect(guard).toMatchObject({ isTTY: true, ...SIZE });
  await new Promise<void>((resolve) => {
    guard.write('\x1b', () => resolve());
  });
  screen.columns = 40;
  expect(guard.columns).toBe(40);
  const finished = new Promise((resolve) => guard.on('finish', resolve));
  guard.end();
  await finished;
  expect(screen.text).toBe('\\x1b');
});
