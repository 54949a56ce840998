import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../../src/events/width.ts';
import { KeyDecoder } from '../../../src/explore/keys.ts';
import { matcher } from '../../../src/explore/match.ts';
import { textLines } from '../../../src/explore/page.ts';
import { render } from '../../../src/explore/render.ts';
import { Screen } from '../../../src/explore/screen.ts';
import { SIGNS } from '../../../src/explore/text.ts';
import { explorerOf, shown } from '../../support/explored.ts';

/** All that the explorer tells a terminal besides text: a place, a style, and the beginning and end of a picture. */
const OWN_CODES = /\x1b\[(?:\d+;1H|\d+G|[\d;]+m|2K|2J|\?2026[hl])/g;
const hostile = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
  fc.constantFrom(
    '\x1b[2J',
    '\x9b31m',
    '\u202eevil',
    'a\rb',
    'a\nb',
    '\x1b]0;x\x07',
    '\udcff\udc9b',
    '漢字',
    '👩‍👩‍👧',
    'é',
  ),
);
const name = hostile
  .map((text) => text.replaceAll('/', '').replaceAll('\0', ''))
  .filter((text) => !['', '.', '..'].includes(text));

test('no text is bright yellow, cyan or white', () => {
  const explorer = explorerOf([
    { a: 'x', b: 'y', c: 'z' },
    { a: 'other', b: null },
  ]);
  const screen = new Screen({ color: true, ascii: false, ellipsis: '…' });
  const styles = new Set<string>();
  for (const key of ['Tab', '1', '2', '3', '4', '^a', '^m', '/', 'a', 'Enter', 'i', 'Esc', '?']) {
    explorer.press(key);
    screen.reset();
    const codes = screen.draw(render(explorer, SIGNS.unicode));
    for (const [, style] of codes.matchAll(/\x1b\[([\d;]*)m/g)) styles.add(style!);
  }
  const pale = [...styles].filter((style) => {
    const parts = style.split(';');
    const hasBackground = parts.some((part) => /^(4|10)\d$/.test(part));
    return (
      !hasBackground &&
      parts.some((part) => /^9[367]$/.test(part) || (/^3[367]$/.test(part) && parts.includes('1')))
    );
  });
  expect(pale).toEqual([]);
  expect(styles.size).toBeGreaterThan(5);
  expect(styles).toContain('30;43');
});

describe('nothing of an image moves the cursor', () => {
  test.each([false, true])('whatever its paths are called (ASCII only: %s)', (ascii) => {
    fc.assert(
      fc.property(name, name, fc.boolean(), (file, link, color) => {
        const explorer = explorerOf([{ [file]: 'x', [`d/${file}`]: `->${link}` }, { [file]: null }]);
        explorer.inspection.instructions[0]!.text = `RUN ${file}\n${link}`;
        explorer.description.image.label = link;
        const screen = new Screen({ color, ascii, ellipsis: '…' });
        for (const key of ['Tab', '^Space', 'End', 'c', 'Esc', '4', '/', ...file, 'Enter', 'i', 'Tab']) {
          explorer.press(key);
          const rest = screen
            .draw(render(explorer, ascii ? SIGNS.ascii : SIGNS.unicode))
            .replace(OWN_CODES, '');
          expect(rest).not.toMatch(/[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
          expect(Buffer.from(rest).toString()).toBe(rest);
          if (ascii) expect(rest.replaceAll('…', '')).toMatch(/^[\x20-\x7e]*$/);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('nor does a file that is looked at', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.integer({ min: 2, max: 100 }),
        (text, width) => {
          const lines = textLines(text, width);
          for (let at = 0; at < lines.length; at++) {
            const line = lines
              .at(at)!
              .map((span) => span.text)
              .join('');
            expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028-\u202e]/);
            expect(displayWidth(line)).toBeLessThanOrEqual(width);
          }
        },
      ),
    );
  });
});

test('unchanged rows are not drawn again', () => {
  const explorer = explorerOf([{ a: '1', b: '2', c: '3' }]);
  const screen = new Screen({ color: true, ascii: false, ellipsis: '…' });
  expect(screen.draw(render(explorer, SIGNS.unicode))).toContain('\x1b[2J');
  expect(screen.draw(render(explorer, SIGNS.unicode))).toBe('');
  explorer.press('Tab');
  explorer.press('Down');
  const codes = screen.draw(render(explorer, SIGNS.unicode));
  const rows = [...codes.matchAll(/\x1b\[(\d+);1H/g)].map(([, row]) => Number(row));
  expect(rows.length).toBeGreaterThan(1);
  expect(rows.length).toBeLessThan(15);
});

test('without colour there is none, and signs and weight say the same', () => {
  const explorer = explorerOf([{ a: '1' }, { b: '2' }]);
  const codes = new Screen({ color: false, ascii: false, ellipsis: '…' }).draw(
    render(explorer, SIGNS.unicode),
  );
  const styles = [...codes.matchAll(/\x1b\[([\d;]+)m/g)].map(([, style]) => style);
  expect(new Set(styles)).toEqual(new Set(['0', '1', '7', '2;7']));
  expect(shown(explorer).join('\n')).toContain('+');
});

test.each([
  ['a letter', 'a', ['a']],
  ['letters', 'añ漢', ['a', 'ñ', '漢']],
  ['arrows of both kinds', '\x1b[A\x1bOB', ['Up', 'Down']],
  ['with modifiers', '\x1b[1;5C', ['Right']],
  ['pages', '\x1b[5~\x1b[6~', ['PageUp', 'PageDown']],
  [
    'controls',
    '\x01\x00\x06\x0d\x09 \x7f\x1f',
    ['^A', '^Space', '^F', 'Enter', 'Tab', 'Space', 'Backspace', '^/'],
  ],
  ['F1 and Shift-Tab', '\x1bOP\x1b[11~\x1b[Z', ['F1', 'F1', 'Shift-Tab']],
  ['what nobody knows', '\x1b[99~\x1b[?1;2cx', ['x']],
  ['Alt and a letter', '\x1bxy', ['y']],
])('keys are read: %s', (_, text, keys) => {
  expect(new KeyDecoder().push(Buffer.from(text))).toEqual(keys);
  const pieces = new KeyDecoder();
  expect([...Buffer.from(text)].flatMap((byte) => pieces.push(Buffer.of(byte)))).toEqual(keys);
});

test('a lone ESC is a key when nothing follows it', () => {
  const decoder = new KeyDecoder();
  expect(decoder.push(Buffer.from('\x1b'))).toEqual([]);
  expect(decoder.isPending).toBe(true);
  expect(decoder.flush()).toEqual(['Esc']);
  expect(decoder.push(Buffer.from('\x1b\x1b[A'))).toEqual(['Esc', 'Up']);
});

test.each([
  ['lib', '/usr/lib/x', true],
  ['lib', '/usr/LIB/x', true],
  ['LIB', '/usr/lib/x', false],
  ['*.js', '/a/b.js', true],
  ['.js$', '/a/b.json', false],
  ['.js$', '/a/b.js', true],
  ['^/usr', '/usr/x', true],
  ['^/usr', '/a/usr', false],
  ['^/usr$', '/usr', true],
  ['^/usr$', '/usr/x', false],
  ['^/a*z$', '/a/b/z', true],
  ['a*a', 'a', false],
  ['[a', '/x[a', true],
  ['', '/x', true],
])('the filter %s of %s: %s', (typed, text, is) => {
  expect(matcher(typed)(text)).toBe(is);
});
